import { type Dated, entryOf, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { InvalidationPendingError } from '../model/errors.ts';
import type { Targets } from '../model/invalidation.ts';
import { lifetimeOf } from '../model/lifetime.ts';
import { dropFromL1 } from '../refill/refill.ts';
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
 * Stores a value in both tiers and takes it out of everybody else's L1.
 * @returns whether the value is stored for good: `false` when a greater version is stored, when L2 could not be told (the
 *   key then is a pending invalidation), and when the outbox could not be told (L2 holds the value, and would serve the
 *   one before it if Redis came back with older data; the order is kept and written as soon as the database answers).
 * @throws {@link InvalidValueError} when it cannot be stored as it is.
 */
export async function write(context: CacheContext, request: WriteRequest): Promise<boolean> {
  assertWritable(context, request);
  return writeChecked(context, mayWait(context, request) ? asCalled(request) : request);
}

/**
 * {@link write} of what {@link assertWritable} has let pass.
 * @param readTags Reads generations for this write and others that are made in the same tick.
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
  // Registered like a read, so that a message about the key that comes meanwhile keeps the value out of L1.
  const setup = { ...flightSetup(context, request, { background: true, mayLoad: false }), isWrite: true };
  // A history from before would bring the value back that this one replaces.
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

  // Readers who wait for this write need not wait for the outbox.
  const isWritten = recorded === undefined || (await recorded.written);
  if (told !== undefined && !(told.ok && isWritten)) {
    // While the outbox was written, readers went on without this write. What they brought is older than its acknowledgement.
    applyLocally(context, targets, 'delete');
    owe(context, told, isWritten);
  }
  return encoded !== undefined && isWritten;
}

/** Whether L1 holds a greater version. Where there is an L2, that one knows. */
function isOlder({ l1, clock }: CacheContext, { id, options: { version } }: WriteRequest): boolean {
  const held = version === undefined ? undefined : l1.get(id);
  if (held?.version === undefined || version === undefined) return false;
  return held.version > version && freshnessOf(held, clock.now()) !== undefined;
}

/** There is nothing to store, but what was there has been replaced. */
async function endOnly(context: CacheContext, targets: Targets, { options }: WriteRequest): Promise<void> {
  try {
    await invalidate(context, targets, 'delete', options.l2TimeoutMs);
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
  }
}

/**
 * Takes the value that was set into L1, if no other message for the key has come since. Otherwise L1 holds nothing after
 * a `set`: what it holds may be the value that L2 has replaced (race 36).
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
    // The codec cannot decode what it has encoded: it is stored, and will be a miss to its readers.
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
    // Another writer's value may already have replaced it: only proof, not its age, makes it trustworthy here.
    loadBeganAt: Number.NEGATIVE_INFINITY,
  };
  const entry = entryOf(dated, request.options, now, random.next(), request.counters);
  const { version } = request.options;
  l1.set(request.id, l2 === undefined && version !== undefined ? { ...entry, version } : entry);
}
