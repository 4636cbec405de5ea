import { type Dated, entryOf, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { InvalidationPendingError } from '../model/errors.ts';
import type { Targets } from '../model/invalidation.ts';
import { windowsOf } from '../model/lifetime.ts';
import { drop } from '../refill/refill.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import { NOTHING, type Refilled } from '../state/refill-result.ts';
import type { WriteRequest } from '../state/request.ts';
import { clean } from './apply-locally.ts';
import { assertWritable, type Encoded, encode } from './encoded-value.ts';
import { invalidate, owe } from './invalidate.ts';
import { record } from './record-in-outbox.ts';
import { type ReadTags, readOwnTags, type Stored, storeInL2 } from './store-in-l2.ts';
import { asCalled, mayWait } from './value-as-called.ts';

/**
 * Stores a value in both tiers and takes it out of everybody else's L1.
 * @returns whether the value is stored for good: `false` when a greater version is stored, when L2 could not be told (the
 *   key then is a pending invalidation), and when the outbox could not be told (L2 holds the value, and would serve the
 *   one before it if Redis came back with older data; the order is kept and written as soon as the database answers).
 * @throws {@link InvalidValueError} when it cannot be stored as it is.
 */
export async function write(parts: Parts, request: WriteRequest): Promise<boolean> {
  assertWritable(parts, request);
  return writeChecked(parts, mayWait(parts, request) ? asCalled(request) : request);
}

/**
 * {@link write} of what {@link assertWritable} has let pass.
 * @param readTags Reads generations for this write and others that are made in the same tick.
 */
export async function writeChecked(
  parts: Parts,
  request: WriteRequest,
  readTags: ReadTags = readOwnTags(parts),
): Promise<boolean> {
  const targets: Targets = { ids: [request.id], tags: [] };
  const windows = windowsOf(request.value, request.options);
  if (parts.remote === undefined && isOlder(parts, request)) return false;
  clean(parts, targets, 'delete');
  // Registered like a read, so that a message about the key that comes meanwhile keeps the value out of L1.
  const setup = { ...flightSetup(parts, request, { background: true, mayLoad: false }), isWrite: true };
  // A history from before would bring the value back that this one replaces.
  const recorded = windows.ttlMs === 0 || !parts.remote ? undefined : record(parts, targets, 'delete', undefined);
  let told: Stored | undefined;
  let encoded: Encoded | undefined;
  const flight = parts.flights.begin(request.id, setup, async (own) => {
    const { remote } = parts;
    try {
      if (windows.ttlMs === 0) await endOnly(parts, targets, request);
      else if (remote === undefined) encoded = encode(parts, request, windows, new Map());
      else {
        told = await storeInL2(parts, remote, request, windows, own, recorded, readTags);
        if (told.ok) encoded = told.encoded;
      }
    } finally {
      if (encoded === undefined) drop(parts, own);
      else keepOwn(parts, request, own, encoded);
    }
    return NOTHING;
  });
  parts.background.track(flight.result);
  await flight.result;

  // Readers who wait for this write need not wait for the outbox.
  const isWritten = recorded === undefined || (await recorded.written);
  if (told !== undefined && !(told.ok && isWritten)) {
    // While the outbox was written, readers went on without this write. What they brought is older than its acknowledgement.
    clean(parts, targets, 'delete');
    owe(parts, told, isWritten);
  }
  return encoded !== undefined && isWritten;
}

/** Whether L1 holds a greater version. Where there is an L2, that one knows. */
function isOlder({ l1, clock }: Parts, { id, options: { version } }: WriteRequest): boolean {
  const held = version === undefined ? undefined : l1.get(id);
  if (held?.version === undefined || version === undefined) return false;
  return held.version > version && freshnessOf(held, clock.now()) !== undefined;
}

/** There is nothing to store, but what was there has been replaced. */
async function endOnly(parts: Parts, targets: Targets, { options }: WriteRequest): Promise<void> {
  try {
    await invalidate(parts, targets, 'delete', options.l2TimeoutMs);
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
  }
}

/**
 * Takes the value that was set into L1, if no other message for the key has come since. Otherwise L1 holds nothing after
 * a `set`: what it holds may be the value that L2 has replaced (race 36).
 */
function keepOwn(parts: Parts, request: WriteRequest, flight: Flight<Refilled>, { body, windows }: Encoded): void {
  const { clock, random, codec, flights, l1, emit, remote } = parts;
  if (!flight.mayStore || !tagsAreCurrent(flight.tags)) {
    drop(parts, flight);
    return;
  }
  flights.outrunOthers(flight);
  const now = clock.now();
  let value: unknown;
  try {
    ({ value } = codec.decode(body));
  } catch (error) {
    // The codec cannot decode what it has encoded: it is stored, and will be a miss to its readers.
    emit({ type: 'tier_failure', error, operation: 'decode', tier: 'l2', key: request.key, background: true });
    drop(parts, flight);
    return;
  }
  const dated: Dated = {
    value,
    loadMs: 0,
    storedAt: now,
    windows,
    tags: flight.tags,
    // Another writer's value may already have replaced it: only proof, not its age, makes it trustworthy here.
    loadBeganAt: Number.NEGATIVE_INFINITY,
  };
  const entry = entryOf(dated, request.options, now, random.next(), request.counters);
  const { version } = request.options;
  l1.set(request.id, remote === undefined && version !== undefined ? { ...entry, version } : entry);
}
