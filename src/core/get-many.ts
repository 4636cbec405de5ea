import type { Flight } from './flights.ts';
import { freshInL2 } from './get.ts';
import { isFreshHere } from './hit.ts';
import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import type { StoredRecord } from './ports.ts';
import { flightSetup } from './read.ts';
import type { ReadRequest } from './read-request.ts';
import type { Refilled } from './refilled.ts';
import type { Remote } from './remote.ts';
import { ATTRIBUTE, SPAN } from './telemetry-names.ts';

/**
 * The fresh value of each key, from L1 or with one question from L2, or `undefined`. Takes no lease and loads nothing.
 * @param requests With the same options; a key may come twice.
 */
export async function getFreshMany(parts: Parts, requests: readonly ReadRequest[]): Promise<unknown[]> {
  const { remote, l1, clock } = parts;
  const values = new Map<EntryId, unknown>();
  const missing = new Map<EntryId, ReadRequest>();
  const now = clock.now();
  for (const request of requests) {
    const entry = l1.get(request.id);
    if (entry !== undefined && isFreshHere(parts, entry, now)) {
      request.counters.l1Hits += 1;
      values.set(request.id, entry.value);
    } else missing.set(request.id, request);
  }
  if (remote !== undefined && missing.size > 0) await readMany(parts, remote, [...missing.values()], values);
  return requests.map(({ id }) => values.get(id));
}

/** Adds what L2 holds. */
function readMany(
  parts: Parts,
  remote: Remote,
  requests: readonly ReadRequest[],
  values: Map<EntryId, unknown>,
): Promise<void> {
  const attributes = {
    [ATTRIBUTE.name]: parts.name,
    [ATTRIBUTE.operation]: 'get_many',
    [ATTRIBUTE.keys]: requests.length,
  };
  return parts.tracer.trace(SPAN.lookup, attributes, async (span) => {
    const reading = Promise.withResolvers<Records>();
    const flights = requests.map((request) => beginRead(parts, request, reading.promise));
    const asking = (): Promise<Records> => readRecords(remote, requests);
    reading.resolve(parts.tracer.trace(SPAN.l2Get, { [ATTRIBUTE.dbSystem]: remote.tier.system }, asking));
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

function beginRead(parts: Parts, request: ReadRequest, reading: Promise<Records>): Flight<Refilled> {
  const { flights, background } = parts;
  const setup = flightSetup(parts, request, { background: true, mayLoad: false });
  const flight = flights.begin(request.id, setup, async (own) =>
    freshInL2(parts, request, own, (await reading).get(request.id)),
  );
  background.track(flight.result);
  return flight;
}

/** What L2 holds of all keys at this moment; nothing when it cannot say. */
async function readRecords(remote: Remote, requests: readonly ReadRequest[]): Promise<Records> {
  const ids = requests.map(({ id }) => id);
  const [first] = requests;
  // One failure, however many keys it was about.
  const operation = { name: 'read', budgetMs: first?.options.l2TimeoutMs ?? 0, key: first?.key };
  const asked = await remote.ask(operation, (tier, { generation }) => tier.readMany(ids, generation));
  const records = new Map<EntryId, StoredRecord>();
  if (asked.ok) asked.value.forEach((record, index) => void records.set(ids[index] ?? '', record));
  return records;
}
