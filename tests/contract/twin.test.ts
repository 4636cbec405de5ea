import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { MemoryServer } from '../../src/adapters/memory/index.ts';
import { redis } from '../../src/adapters/redis/index.ts';
import { keyspace } from '../../src/adapters/redis/protocol/keyspace.ts';
import { RemoteError, type RemoteTier, type Session } from '../../src/core/ports/remote-tier.ts';
import { CACHE, connect, LONG, sweepAll, textOf, token } from '../../src/testing/contracts/harness.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

// The simulator runs on the memory server: whatever steps are taken in whatever order, it must answer as Redis does.

const ID = fc.constantFrom('a', 'b', '\u0001ns\u0001a');
const GENERATION = fc.constantFrom('g1', 'g2');
const TOKENS = ['1', '2', '3'].map((digit) => digit.repeat(22));
const TOKEN = fc.constantFrom(...TOKENS);
const MODE = fc.constantFrom('delete' as const, 'expire' as const);
const VERSION = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
const EXPECTED = fc.record({ kind: fc.constantFrom('lease' as const, 'value' as const), token: TOKEN });

const STEP = fc.oneof(
  fc.record({ op: fc.constant('acquire' as const), id: ID, generation: GENERATION, token: TOKEN }),
  fc.record({
    op: fc.constant('acquireMany' as const),
    ids: fc.uniqueArray(ID, { minLength: 1 }),
    // So that there are more keys than are asked for in one step.
    others: fc.constantFrom(0, 20),
    generation: GENERATION,
    token: TOKEN,
  }),
  fc.record({ op: fc.constant('read' as const), id: ID, generation: GENERATION }),
  fc.record({
    op: fc.constant('fill' as const),
    id: ID,
    generation: GENERATION,
    // 'seen': whatever was read last, a marked or damaged record's token included.
    expected: fc.oneof(EXPECTED, fc.constant('seen' as const)),
    token: TOKEN,
    claim: fc.option(TOKEN, { nil: undefined }),
  }),
  fc.record({
    op: fc.constantFrom(
      'release' as const,
      'renew' as const,
      'claimRefresh' as const,
      'renewRefresh' as const,
      'releaseRefresh' as const,
    ),
    id: ID,
    generation: GENERATION,
    token: TOKEN,
  }),
  fc.record({
    op: fc.constant('outcome' as const),
    id: ID,
    generation: GENERATION,
    of: fc.constantFrom('lease' as const, 'claim' as const),
    token: TOKEN,
    outcome: fc.constantFrom('failed' as const, 'not-stored' as const),
  }),
  fc.record({ op: fc.constant('tags' as const), tags: fc.array(ID, { maxLength: 3 }), generation: GENERATION }),
  fc.record({
    op: fc.constant('invalidate' as const),
    ids: fc.array(ID, { maxLength: 3 }),
    tags: fc.array(ID, { maxLength: 3 }),
    mode: MODE,
    generation: GENERATION,
    isRepair: fc.boolean(),
  }),
  fc.record({
    op: fc.constant('agree' as const),
    generation: GENERATION,
    replaces: fc.option(GENERATION, { nil: undefined }),
  }),
  fc.record({ op: fc.constant('adopt' as const), generation: GENERATION, withinMs: fc.constantFrom(-1e14, LONG) }),
  fc.record({ op: fc.constant('mark' as const), beyond: fc.integer({ min: 1, max: 3 }), isPresent: fc.boolean() }),
  fc.record({ op: fc.constant('write' as const), id: ID, generation: GENERATION, token: TOKEN, version: VERSION }),
  fc.record({
    op: fc.constant('sweep' as const),
    namespace: fc.constantFrom('', 'ns'),
    generation: GENERATION,
    mode: MODE,
  }),
  fc.record({ op: fc.constant('heartbeat' as const), wantsMark: fc.boolean() }),
  fc.record({ op: fc.constant('damage' as const), id: ID, generation: GENERATION }),
);
type Step = typeof STEP extends fc.Arbitrary<infer T> ? T : never;

/** Beyond the present of any server. */
const LATER = 8_000_000_000_000;

/** One side of the comparison: answers made comparable by leaving out what differs by nature. */
class Side {
  readonly #tier: RemoteTier;
  readonly #damage: (id: string, generation: string) => unknown;
  #epoch = '';
  #firstNumber = 0;
  #seen = token();

  constructor(tier: RemoteTier, damage: (id: string, generation: string) => unknown) {
    this.#tier = tier;
    this.#damage = damage;
  }

  async begin(): Promise<void> {
    const { epoch, sequence } = await this.#tier.heartbeat('twin', token());
    this.#epoch = epoch;
    this.#firstNumber = sequence;
    await this.#tier.agreeGeneration(epoch, 'g1');
  }

  async take(step: Step): Promise<unknown> {
    try {
      return await this.#answer(step);
    } catch (error) {
      return error instanceof RemoteError ? error.failure : error;
    }
  }

  async #answer(step: Step): Promise<unknown> {
    const tier = this.#tier;
    switch (step.op) {
      case 'acquire':
        return this.#record(await tier.acquire(step.id, step.generation, step.token, LONG));
      case 'acquireMany': {
        const ids = [...step.ids, ...Array.from({ length: step.others }, (_, index) => `other ${index}`)];
        const found = await tier.acquireMany(ids, step.generation, step.token, LONG, LATER);
        return found.map((each) => (each instanceof RemoteError ? each.failure : this.#record(each)));
      }
      case 'read':
        return this.#record(await tier.read(step.id, step.generation));
      case 'fill': {
        const { id, generation, token: given, claim } = step;
        const expected = step.expected === 'seen' ? ({ kind: 'value', token: this.#seen } as const) : step.expected;
        return tier.fill({ id, generation, expected, token: given, claim, body: given, age: 0, keepFor: LONG });
      }
      case 'release':
      case 'releaseRefresh':
        return tier[step.op](step.id, step.generation, step.token);
      case 'renew':
      case 'claimRefresh':
      case 'renewRefresh':
        return tier[step.op](step.id, step.generation, step.token, LONG);
      case 'outcome': {
        const { op: _, ...note } = step;
        return tier.leaveOutcome({ ...note, keepFor: LONG });
      }
      case 'tags': {
        const found = await tier.tagGenerations(step.tags, step.generation, LONG);
        return found.map(({ hard, soft }) => [this.#number(hard), this.#number(soft)]);
      }
      case 'invalidate': {
        const { ids, tags, mode, isRepair } = step;
        const order = { targets: { ids, tags }, mode, origin: 'twin' };
        return this.#done(await tier.invalidate(order, this.#session(step.generation), isRepair));
      }
      case 'agree':
        return (await tier.agreeGeneration(this.#epoch, step.generation, step.replaces)).generation;
      case 'adopt': {
        const { generation, withinMs } = step;
        return tier.adoptGeneration({ epoch: this.#epoch, generation, since: LATER, withinMs, mark: 2 });
      }
      case 'mark':
        return tier.leaveMark(step.isPresent ? this.#epoch : '0123456789abcdef', step.beyond);
      case 'write': {
        const { id, token: given, version } = step;
        const session = this.#session(step.generation);
        return this.#done(
          await tier.write({ id, session, origin: 'twin', token: given, body: 'written', keepFor: LONG, version }),
        );
      }
      case 'sweep':
        return sweepAll(tier, { ...step, matches: () => true });
      case 'heartbeat': {
        const beat = await tier.heartbeat('twin', token(), step.wantsMark);
        const { sequence, generation, last, marksRequested: wanted, marksCompleted: marked } = beat;
        return [sequence - this.#firstNumber, generation, last?.generation, wanted, marked];
      }
      case 'damage':
        return void (await this.#damage(step.id, step.generation));
    }
  }

  #session(generation: string): Session {
    return { epoch: this.#epoch, generation };
  }

  #record(record: Awaited<ReturnType<RemoteTier['read']>>): unknown {
    if (record.kind !== 'value') return record;
    const { token: given, storedAt, expiredAt, body } = record.value;
    this.#seen = given;
    const known = TOKENS.includes(given) ? given : 'drawn by the server';
    return { token: known, isStamped: storedAt > 0, isExpired: expiredAt > 0, body: textOf(body) };
  }

  #done(answer: { kind: string; sequence?: number }): unknown {
    return answer.sequence === undefined ? answer.kind : answer.sequence - this.#firstNumber;
  }

  #number(generation: string): number {
    const [epoch, number] = generation.split(':');
    return epoch === this.#epoch ? Number(number) - this.#firstNumber : Number.NaN;
  }
}

let server: RedisServer;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

test('the memory server answers every sequence of steps as Redis does', async () => {
  const namespace = uniqueNamespace();
  const keys = keyspace(namespace, CACHE, 0);
  const { tier: real } = await connect(redis(server.url, { namespace }).l2);
  const compare = async (steps: Step[]) => {
    await admin.flushall();
    const memory = new MemoryServer();
    const { tier: model } = await connect(memory.remoteTier());
    const twins = [
      new Side(real, (id, generation) => admin.set(keys.entry(id, generation), 'not a record')),
      new Side(model, (id, generation) => memory.damage(id, generation)),
    ];
    for (const side of twins) await side.begin();
    for (const step of steps) {
      const [expected, answered] = [await twins[0]?.take(step), await twins[1]?.take(step)];
      expect([step, answered]).toEqual([step, expected]);
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(STEP, { maxLength: 40, size: 'max' }), compare), { numRuns: 150 });
  await real.close();
});
