import type { Entry } from '../model/entry.ts';
import type { EntryId } from '../model/key.ts';
import type { Generations } from '../model/tags.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { StoredRecord, StoredValue } from '../ports/remote-tier.ts';
import { generationsFor } from '../refill/generations.ts';
import { storeInL1 } from '../refill/store-in-l1.ts';
import { decodeStored, type Verdict, validateStored } from '../refill/stored-value.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import { NOTHING, type RefillResult, toRefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import { isFreshHere } from './l1-hit.ts';
import { untilWritten } from './until-written.ts';

/** Returns the fresh value of a key from L1 or L2, or `undefined`. It takes no lease and loads nothing. */
export async function getFresh(context: CacheContext, request: ReadRequest): Promise<unknown> {
  const { l2, flights, counters } = context;
  const look = (): Entry | undefined => freshInL1(context, request);
  let entry = look();
  if (entry === undefined) {
    counters.peekFollowed(request.id);
    if (flights.writeOf(request.id) !== undefined) entry = await untilWritten(context, request, look);
  }
  if (entry !== undefined) return entry.value;
  const value = l2 && (await readFresh(context, l2, request));
  if (value === undefined) request.counters.unanswered += 1;
  return value;
}

async function readFresh(context: CacheContext, l2: GuardedL2, request: ReadRequest): Promise<unknown> {
  const setup = flightSetup(context, request, { background: true, mayLoad: false });
  const flight = context.flights.begin(request.id, setup, async (own) =>
    freshInL2(context, request, own, await readRecord(l2, request)),
  );
  context.background.track(flight.result);
  const { value } = await flight.result;
  return value;
}

/** Returns the fresh entry of L1, and counts it as a hit. */
function freshInL1(context: CacheContext, { id, counters }: ReadRequest): Entry | undefined {
  const entry = context.l1.get(id);
  if (entry === undefined || !isFreshHere(context, entry, context.clock.now())) return undefined;
  counters.l1Hits += 1;
  return entry;
}

/** Returns the value of a record, if it is valid and fresh, and no pending invalidation names it. */
export async function freshInL2(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  record: StoredRecord | undefined,
): Promise<RefillResult> {
  if (record?.kind !== 'value') return NOTHING;
  const verdict = await weigh(context, request, flight, record.value).catch((error: unknown): Verdict => {
    context.emit({ type: 'tier_failure', error, operation: 'read', tier: 'l2', key: request.key, background: false });
    return { kind: 'void' };
  });
  if (verdict.kind !== 'usable' || verdict.state !== 'fresh') return NOTHING;
  const { entry } = verdict;
  const keptInL1 = storeInL1(context, flight, entry);
  request.counters.l2Hits += 1;
  return toRefillResult(entry, 'fresh', 'l2', keptInL1, undefined, undefined);
}

/** Reads the record of a key from L2. `undefined` when L2 did not answer. */
export async function readRecord(l2: GuardedL2, { id, key, options }: ReadRequest): Promise<StoredRecord | undefined> {
  const operation = { name: 'read', budgetMs: options.l2TimeoutMs, key, values: 1 };
  const asked = await l2.ask(operation, (tier, { generation }) => tier.read(id, generation));
  return asked.ok ? asked.value : undefined;
}

/** Judges a value that a plain read has found. */
export async function weigh(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  value: StoredValue,
): Promise<Verdict> {
  const envelope = decodeStored(context, request, value);
  if (envelope === undefined) return { kind: 'void' };
  const tags = envelope.tags.map(([tag]) => tag);
  if (flight.undelivered.covers(request.id, tags)) return { kind: 'void' };
  const generations: Generations = new Map();
  if ((await generationsFor(context, request, { flight, envelope }, generations)) !== undefined)
    return { kind: 'void' };
  return validateStored(context, request, flight, value, envelope, generations);
}

/**
 * Returns the fresh value of each key, or `undefined`. The values come from L1, or from L2 with one question. It takes
 * no lease and loads nothing.
 * @param requests Reads with the same options. A key may come twice.
 */
export async function getFreshMany(context: CacheContext, requests: readonly ReadRequest[]): Promise<unknown[]> {
  const { l2, flights, counters } = context;
  const values = new Map<EntryId, unknown>();
  const missing = new Map<EntryId, ReadRequest>();
  const take = (request: ReadRequest, entry: Entry | undefined): void => {
    if (entry === undefined) missing.set(request.id, request);
    else values.set(request.id, entry.value);
  };
  const written: ReadRequest[] = [];
  for (const request of requests) {
    const entry = freshInL1(context, request);
    if (entry === undefined) counters.peekFollowed(request.id);
    if (entry === undefined && flights.writeOf(request.id) !== undefined) written.push(request);
    else take(request, entry);
  }
  if (written.length > 0) {
    const waits = written.map((request) => untilWritten(context, request, () => freshInL1(context, request)));
    const entries = await Promise.all(waits);
    written.forEach((request, index) => void take(request, entries[index]));
  }
  if (l2 !== undefined && missing.size > 0) await readMany(context, l2, [...missing.values()], values);
  for (const [id, request] of missing) if (!values.has(id)) request.counters.unanswered += 1;
  return requests.map(({ id }) => values.get(id));
}

/** Adds the fresh values that L2 holds. */
function readMany(
  context: CacheContext,
  l2: GuardedL2,
  requests: readonly ReadRequest[],
  values: Map<EntryId, unknown>,
): Promise<void> {
  const attributes = {
    [ATTRIBUTE.name]: context.name,
    [ATTRIBUTE.operation]: 'get_many',
    [ATTRIBUTE.keys]: requests.length,
  };
  return context.tracer.trace(SPAN.lookup, attributes, async (span) => {
    const reading = Promise.withResolvers<Records>();
    const flights = requests.map((request) => beginRead(context, request, reading.promise));
    const asking = (): Promise<Records> => readRecords(l2, requests);
    reading.resolve(context.tracer.trace(SPAN.l2Get, { [ATTRIBUTE.dbSystem]: l2.tier.system }, asking));
    let found = 0;
    for (const { id, result } of flights) {
      const { value } = await result;
      if (value === undefined) continue;
      found += 1;
      values.set(id, value);
    }
    span.set({ [ATTRIBUTE.keysFromL2]: found });
  });
}

type Records = ReadonlyMap<EntryId, StoredRecord>;

function beginRead(context: CacheContext, request: ReadRequest, reading: Promise<Records>): Flight<RefillResult> {
  const { flights, background } = context;
  const setup = flightSetup(context, request, { background: true, mayLoad: false });
  const flight = flights.begin(request.id, setup, async (own) =>
    freshInL2(context, request, own, (await reading).get(request.id)),
  );
  background.track(flight.result);
  return flight;
}

/** Reads the records of all keys from L2. Empty when L2 did not answer. */
async function readRecords(l2: GuardedL2, requests: readonly ReadRequest[]): Promise<Records> {
  const ids = requests.map(({ id }) => id);
  const [first] = requests;
  // L2 reports one failure for all keys, under the first key.
  const operation = { name: 'read', budgetMs: first?.options.l2TimeoutMs ?? 0, key: first?.key, values: ids.length };
  const asked = await l2.ask(operation, (tier, { generation }) => tier.readMany(ids, generation));
  const records = new Map<EntryId, StoredRecord>();
  if (asked.ok) l2.traffic.learn(asked.value);
  if (asked.ok) asked.value.forEach((record, index) => void records.set(ids[index] ?? '', record));
  return records;
}
