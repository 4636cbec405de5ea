import { type Dated, entryOf, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { InvalidationPendingError } from '../model/errors.ts';
import type { Targets } from '../model/invalidation.ts';
import { lifetimeOf } from '../model/lifetime.ts';
import { dropFromL1 } from '../refill/store-in-l1.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import { NOTHING, type RefillResult } from '../state/refill-result.ts';
import type { WriteRequest } from '../state/request.ts';
import { applyLocally } from './apply-locally.ts';
import { assertWritable, type Encoded, encode } from './encoded-value.ts';
import { invalidate, owe } from './invalidate.ts';
import { record } from './record-in-outbox.ts';
import { type ReadTags, readOwnTags, type Stored, storeInL2 } from './store-in-l2.ts';
import { asCalled, mayWait } from './value-as-called.ts';

/**
 * Stores a value in both tiers and removes it from the L1 of all other instances.
 * @returns true when the value is stored for good. `false` in three cases:
 * - L2 holds a greater version.
 * - L2 could not be told. The key is then a pending invalidation.
 * - The outbox could not be told. L2 holds the value, but would serve the one before it if Redis came back with older
 *   data. The order is queued and written as soon as the database answers.
 * @throws {@link InvalidValueError} when it cannot be stored as it is.
 */
export async function write(context: CacheContext, request: WriteRequest): Promise<boolean> {
  assertWritable(context, request);
  return writeChecked(context, mayWait(context, request) ? asCalled(request) : request);
}

/**
 * Writes a request that {@link assertWritable} has accepted; see {@link write}.
 * @param readTags Reads generations for this write and the others of the same packet.
 */
export async function writeChecked(
  context: CacheContext,
  request: WriteRequest,
  readTags: ReadTags = readOwnTags(context),
): Promise<boolean> {
  const targets: Targets = { ids: [request.id], tags: [] };
  const lifetime = lifetimeOf(request.value, request.options);
  if (context.l2 === undefined && isOlder(context, request)) return false;
  applyLocally(context, targets, 'delete');
  // The write registers like a read. A message about the key that arrives meanwhile then keeps the value out of L1.
  const setup = { ...flightSetup(context, request, { background: true, mayLoad: false }), isWrite: true };
  // An older history could bring back the value that this write replaces.
  const recorded = lifetime.ttlMs === 0 || !context.l2 ? undefined : record(context, targets, 'delete', undefined);
  let told: Stored | undefined;
  let encoded: Encoded | undefined;
  const flight = context.flights.begin(request.id, setup, async (own) => {
    const { l2 } = context;
    try {
      if (lifetime.ttlMs === 0) await endOnly(context, targets, request);
      else if (l2 === undefined) encoded = encode(context, request, lifetime, new Map());
      else {
        told = await storeInL2(context, l2, request, lifetime, own, recorded, readTags);
        if (told.ok) encoded = told.encoded;
      }
    } finally {
      if (encoded === undefined) dropFromL1(context, own);
      else keepOwn(context, request, own, encoded);
    }
    return NOTHING;
  });
  context.background.track(flight.result);
  await flight.result;

  // Readers who wait for this write do not wait for the outbox.
  const isWritten = recorded === undefined || (await recorded.written);
  if (told !== undefined && !(told.ok && isWritten)) {
    // While the outbox was asked, readers went on without this write. The values that they stored are older than its
    // acknowledgement.
    applyLocally(context, targets, 'delete');
    owe(context, told, isWritten);
  }
  return encoded !== undefined && isWritten;
}

/** True when L1 holds a greater version. With an L2, only L2 decides that. */
function isOlder({ l1, clock }: CacheContext, { id, options: { version } }: WriteRequest): boolean {
  const held = version === undefined ? undefined : l1.get(id);
  if (held?.version === undefined || version === undefined) return false;
  return held.version > version && freshnessOf(held, clock.now()) !== undefined;
}

/** Invalidates the key, because a value with a TTL of 0 replaces the old one and is not stored. */
async function endOnly(context: CacheContext, targets: Targets, { options }: WriteRequest): Promise<void> {
  try {
    await invalidate(context, targets, 'delete', options.l2TimeoutMs);
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
  }
}

/**
 * Stores the value of the `set` in L1, unless another message for the key has arrived since. In that case L1 holds
 * nothing, because L2 may already have replaced this value (race 36).
 */
function keepOwn(
  context: CacheContext,
  request: WriteRequest,
  flight: Flight<RefillResult>,
  { body, lifetime }: Encoded,
): void {
  const { clock, random, codec, flights, l1, emit, l2 } = context;
  if (!flight.mayStore || !tagsAreCurrent(flight.tags)) {
    dropFromL1(context, flight);
    return;
  }
  flights.supersedeOthers(flight);
  const now = clock.now();
  let value: unknown;
  try {
    ({ value } = codec.decode(body));
  } catch (error) {
    // The codec cannot decode its own output. The value is stored, and is a miss to its readers.
    emit({ type: 'tier_failure', error, operation: 'decode', tier: 'l2', key: request.key, background: true });
    dropFromL1(context, flight);
    return;
  }
  const dated: Dated = {
    value,
    loadMs: 0,
    storedAt: now,
    lifetime,
    tags: flight.tags,
    // Another writer may have replaced it already. Only proof makes it trustworthy here, not its age.
    loadBeganAt: Number.NEGATIVE_INFINITY,
  };
  const entry = entryOf(dated, request.options, now, random.next(), request.counters);
  const { version } = request.options;
  l1.set(request.id, l2 === undefined && version !== undefined ? { ...entry, version } : entry);
}
