import { refilledOf } from './answers.ts';
import type { Flight } from './flights.ts';
import { readGenerations } from './generations.ts';
import { isFreshHere } from './hit.ts';
import { keep } from './keep.ts';
import type { Parts } from './parts.ts';
import type { StoredRecord, StoredValue } from './ports.ts';
import { flightSetup } from './read.ts';
import type { ReadRequest } from './read-request.ts';
import { NOTHING, type Refilled } from './refilled.ts';
import type { Remote } from './remote.ts';
import type { Generations } from './tags.ts';
import { judge, openEnvelope, type Verdict } from './verdict.ts';

/** The fresh value of a key, from L1 or L2, or `undefined`. Takes no lease and loads nothing. */
export async function getFresh(parts: Parts, request: ReadRequest): Promise<unknown> {
  const { remote, flights, l1, clock } = parts;
  const entry = l1.get(request.id);
  if (entry !== undefined && isFreshHere(parts, entry, clock.now())) {
    request.counters.l1Hits += 1;
    return entry.value;
  }
  if (remote === undefined) return undefined;
  const setup = flightSetup(parts, request, { background: true, mayLoad: false });
  const flight = flights.begin(request.id, setup, async (own) =>
    freshInL2(parts, request, own, await readRecord(remote, request)),
  );
  parts.background.track(flight.result);
  const { value } = await flight.result;
  return value;
}

/** The value of a record, if it is fresh and L2 may be believed about it. */
export async function freshInL2(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  record: StoredRecord | undefined,
): Promise<Refilled> {
  if (record?.kind !== 'value') return NOTHING;
  const verdict = await weigh(parts, request, flight, record.value);
  if (verdict.kind !== 'usable' || verdict.state !== 'fresh') return NOTHING;
  const { entry } = verdict;
  const keptInL1 = keep(parts, flight, entry);
  request.counters.l2Hits += 1;
  return refilledOf(entry, 'fresh', 'l2', keptInL1, undefined, undefined);
}

/** What L2 holds of a key at this moment, or `undefined` when it cannot say. */
export async function readRecord(remote: Remote, { id, key, options }: ReadRequest): Promise<StoredRecord | undefined> {
  const operation = { name: 'read', budgetMs: options.l2TimeoutMs, key };
  const asked = await remote.ask(operation, (tier, { generation }) => tier.read(id, generation));
  return asked.ok ? asked.value : undefined;
}

/** What a value found by a plain read is good for. */
export async function weigh(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  value: StoredValue,
): Promise<Verdict> {
  const envelope = openEnvelope(parts, request, value);
  if (envelope === undefined) return { kind: 'void' };
  const tags = envelope.tags.map(([tag]) => tag);
  if (flight.owed.covers(request.id, tags)) return { kind: 'void' };
  const generations: Generations = new Map();
  if ((await readGenerations(parts, request, flight, tags, generations)) !== undefined) return { kind: 'void' };
  return judge(parts, request, flight, value, envelope, generations);
}
