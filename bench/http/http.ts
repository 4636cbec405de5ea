/**
 * Measures the service's hit, 304, read from Redis and read from PostgreSQL, against Elysia handlers that do the least
 * for the same answer. Each runs in a process of its own, and wrk asks over HTTP on the same machine. `bun run bench
 * http`
 */
import { benchmark } from '../support/benchmark.ts';
import { type AimRow, isQuick, type Row } from '../support/report.ts';
import { type Asked, compare } from './rounds.ts';
import { type Sample, SEEDED, Stage, sampleOf, TOKEN } from './stage.ts';

/** Products of one turn, each of which is asked for once. */
const COLD = isQuick() ? 15_000 : 25_000;
const COLD_ROUNDS = 5;

const BASELINE = 'Elysia handler';
/** A handler that does the least that is needed to refuse a query and to know the client's version. */
const LOOKING = 'Elysia handler that looks';
const HIT = 'tiercel';

const rows: Row[] = [];
const aims: AimRow[] = [];

await benchmark('http', async (owner) => {
  const stage = owner.use(await Stage.set());
  await measureHits(stage);
  await measurePeers(stage);
  await measureNotModified(stage);
  await measureL2(stage);
  await measureSource(stage);
  return { rows, aims };
});

async function measureHits(stage: Stage): Promise<void> {
  const service = await stage.service(HIT);
  const sample = await sampleOf(service);
  if (sample.headers['x-cache-tier'] !== 'l1') throw new Error(`no hit of L1: ${JSON.stringify(sample)}`);
  const [baseline, looking] = await handlers(stage, sample);
  const token = { ...(await stage.service('tiercel, AUTH=token', { AUTH: 'token' })), headers: bearer() };
  const hits = await compare('L1 hit', [baseline, looking, service, token], 7);
  rows.push(...hits.rows);
  aims.push(hits.aim('HTTP, L1 hit with all headers, by the baseline', HIT, BASELINE, 0.9));

  const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: stage.collector(), OTEL_TRACES_SAMPLER: 'parentbased_traceidratio' };
  const [some, all] = ['telemetry, 1 % sampled', 'telemetry, all sampled'];
  const sampled = [
    await stage.service(some, { ...telemetry, OTEL_TRACES_SAMPLER_ARG: '0.01' }),
    await stage.service(all, { ...telemetry, OTEL_TRACES_SAMPLER_ARG: '1' }),
  ];
  const traced = await compare('L1 hit, telemetry', [service, ...sampled], 7);
  rows.push(...traced.rows);
  aims.push(traced.aim('HTTP, telemetry with 1 % sampling, by none', some, HIT, 0.9));
}

async function measureNotModified(stage: Stage): Promise<void> {
  const service = await stage.service(HIT);
  const { headers } = await sampleOf(service);
  const condition = { 'if-none-match': headers.etag ?? '' };
  const sample = await sampleOf(service, condition);
  if (sample.status !== 304) throw new Error(`no 304: ${JSON.stringify(sample)}`);
  const [baseline, looking] = await handlers(stage, sample);
  const asking = (subject: Asked): Asked => ({ ...subject, headers: condition });
  const answers = await compare('304', [baseline, looking, service].map(asking), 7);
  rows.push(...answers.rows);
  aims.push(answers.aim('HTTP, 304, by the baseline', HIT, BASELINE, 0.85));
}

async function handlers(stage: Stage, { status, headers, body }: Sample): Promise<[baseline: Asked, looking: Asked]> {
  const args = [String(status), JSON.stringify(headers), body];
  return [
    await stage.subject(BASELINE, 'handler.ts', ...args),
    await stage.subject(LOOKING, 'handler.ts', ...args, '--looking'),
  ];
}

async function measurePeers(stage: Stage): Promise<void> {
  const { body } = await sampleOf(await stage.service('the product'));
  const names = ['lru-cache', 'bentocache (serialize: false)', 'bentocache', 'cacheable (no clones)', 'cacheable'];
  const subjects: Asked[] = [];
  for (const name of names) subjects.push(await stage.subject(name, 'cached.ts', name, stage.redis.url, body));
  rows.push(...(await compare('L1 hit of others, JSON alone', subjects, 3)).rows);
}

/** Asks for a thousand entries in turn of an L1 that holds one, so that nothing hits L1. */
async function measureL2(stage: Stage): Promise<void> {
  const service = await stage.service(HIT, { CACHE_L1_MAX_ENTRIES: '1' });
  const { body } = await sampleOf(service);
  const raw = await Promise.all(
    ['ioredis GET, pipelined', 'ioredis GET'].map((name) =>
      stage.subject(name, 'cached.ts', name, stage.redis.url, body),
    ),
  );
  const paths = productPaths(1, SEEDED);
  const subjects = [...raw, service].map((subject) => ({ ...subject, paths }));
  rows.push(...(await compare('L2 hit', subjects, 5)).rows);
}

async function measureSource(stage: Stage): Promise<void> {
  const bare = await stage.subject('Elysia + postgres.js', 'select.ts', stage.databaseUrl);
  const disabled = await stage.service('tiercel, CACHE_DISABLED', { CACHE_DISABLED: 'true' });
  const without = await compare('no cache', [bare, disabled], 7);
  rows.push(...without.rows);
  aims.push(without.aim('HTTP, CACHE_DISABLED, by a bare route', disabled.name, bare.name, 0.95));

  const turns = (isQuick() ? 1 : COLD_ROUNDS) + 1;
  await stage.grow(COLD * turns);
  const service = await stage.service(HIT);
  const pathsOf = (turn: number) => productPaths(SEEDED + 1 + turn * COLD, COLD);
  rows.push(
    ...(
      await compare(
        'load of a cold key',
        [
          { ...bare, paths: pathsOf(0) },
          { ...service, pathsOf },
        ],
        COLD_ROUNDS,
      )
    ).rows,
  );
}

/** Makes the paths of products. Rows that were added belong to org 1. */
function productPaths(first: number, count: number): [string, ...string[]] {
  const path = (id: number) => `/api/v1/orgs/${id > SEEDED ? 1 : Math.ceil(id / 100)}/products/${id}`;
  const others = Array.from({ length: count - 1 }, (_, index) => path(first + 1 + index));
  return [path(first), ...others];
}

function bearer() {
  return { authorization: `Bearer ${TOKEN}` };
}
