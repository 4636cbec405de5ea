import { type Dated, entryOf, freshnessOf, tagsAreCurrent } from '../model/entry.ts';
import { InvalidationPendingError } from '../model/errors.ts';
import type { Targets } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import { jittered, recordStayMs, usefulForMs, type Windows, windowsOf } from '../model/lifetime.ts';
import type { Generations, TagGeneration } from '../model/tags.ts';
import { assertStorable } from '../model/value.ts';
import type { RemoteTier } from '../ports/remote-tier.ts';
import { keepTags, recall, tagsKeepFor, take } from '../refill/generations.ts';
import { drop } from '../refill/refill.ts';
import { packed, stampsOf, tooLong } from '../refill/stored-value.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { flightSetup } from '../state/flight-setup.ts';
import { knownOf } from '../state/known-tags.ts';
import { NOTHING, type Refilled } from '../state/refill-result.ts';
import type { WriteRequest } from '../state/request.ts';
import { clean } from './apply-locally.ts';
import { otherHistory } from './deliver.ts';
import { CONTACT_MS, invalidate, owe } from './invalidate.ts';
import { type Recorded, record } from './record-in-outbox.ts';

/** Values of a `setMany` that are sent at once. */
export const WRITES_PER_PACKET = 500;

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

/** Whether the value is written down later than in the call: L2 has to be heard of first, or generations have to be read. */
function mayWait(parts: Parts, { tagIds }: WriteRequest): boolean {
  return parts.remote !== undefined && (parts.remote.contact.isAwaited || recall(parts, tagIds, new Map()).length > 0);
}

/** The request with a copy of its value: what the caller changes in the value after the call is not stored. */
function asCalled(request: WriteRequest): WriteRequest {
  return { ...request, value: JSON.parse(JSON.stringify(request.value)) as unknown };
}

/** @throws {@link InvalidValueError} when the value cannot be stored as it is. */
export function assertWritable(parts: Parts, request: WriteRequest): void {
  const mostBytes = assertStorable(request.value, request.key);
  const windows = windowsOf(request.value, request.options);
  if (windows.ttlMs === 0 || parts.remote === undefined || mostBytes + HEADER_ROOM <= parts.maxValueBytes) return;
  assertFits(parts, request, windows);
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

/** What came of telling L2. */
type Stored =
  | { readonly ok: true; readonly encoded: Encoded | undefined }
  | { readonly ok: false; readonly error: unknown };

/** Key, tags and windows take no more bytes than this. */
const HEADER_ROOM = 2 ** 20;

/** Longer than any generation that a server gives. */
const LONGEST_GENERATION: TagGeneration = { hard: '-'.repeat(64), soft: '_'.repeat(64) };

/** Asked before anything is touched, when the tags' generations are not known yet: it counts them at their longest. */
function assertFits(parts: Parts, request: WriteRequest, windows: Windows): void {
  const generations: Generations = new Map(request.tagIds.map((tag) => [tag, LONGEST_GENERATION]));
  const error = tooLong(parts, encode(parts, request, windows, generations).body, request.key);
  if (error !== undefined) throw error;
}

/** There is nothing to store, but what was there has been replaced. */
async function endOnly(parts: Parts, targets: Targets, { options }: WriteRequest): Promise<void> {
  try {
    await invalidate(parts, targets, 'delete', options.l2TimeoutMs);
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
  }
}

/** Answers what L2 has stored; nothing when it holds a greater version, or could not be told. */
async function storeInL2(
  parts: Parts,
  remote: NonNullable<Parts['remote']>,
  request: WriteRequest,
  windows: Windows,
  flight: Flight<Refilled>,
  recorded: Recorded | undefined,
  readTags: ReadTags,
): Promise<Stored> {
  const generations: Generations = new Map();
  let toldIn: string | undefined;
  const order = parts.pending.add({ ids: [request.id], tags: [] }, 'delete', () => recorded?.acknowledge(toldIn));
  const written = await remote.ask(
    { name: 'set', budgetMs: request.options.l2TimeoutMs, key: request.key, contactMs: CONTACT_MS },
    async (tier, session) => {
      const unknown = recall(parts, request.tagIds, generations);
      if (unknown.length > 0) {
        const keepFor = tagsKeepFor(usefulForMs(windows));
        const read = await readTags(tier, unknown, session.generation, keepFor);
        take(parts, flight, unknown, read, keepFor, generations);
      }
      const encoded = encode(parts, request, windows, generations);
      const usefulUntil = parts.clock.now() + usefulForMs(encoded.windows);
      keepTags(parts, tier, { tags: flight.tags, generation: session.generation, usefulUntil });
      const reply = await tier.write({
        id: request.id,
        session,
        origin: parts.instance,
        token: parts.random.token(),
        body: packed(parts, encoded.body),
        keepFor: recordStayMs(usefulForMs(encoded.windows)),
        version: request.options.version,
      });
      if (reply.kind === 'session-mismatch') {
        remote.distrust();
        throw otherHistory();
      }
      return { encoded, isStored: reply.kind === 'done', epoch: session.epoch };
    },
  );
  if (!written.ok) {
    parts.pending.leave(order);
    return written;
  }
  const { encoded, isStored, epoch } = written.value;
  toldIn = epoch;
  parts.pending.settle(order);
  return { ok: true, encoded: isStored ? encoded : undefined };
}

/** Reads the generations of tags, in their order. */
export type ReadTags = (
  tier: RemoteTier,
  tags: readonly EntryId[],
  generation: string,
  keepFor: number,
) => Promise<readonly (TagGeneration | undefined)[]>;

const readOwnTags =
  (parts: Parts): ReadTags =>
  (tier, tags, generation, keepFor) =>
    tier.tagGenerations(tags, generation, keepFor, knownOf(parts, tags));

interface Encoded {
  readonly body: string | Uint8Array;
  /** With the TTL as jitter has left it. */
  readonly windows: Windows;
}

function encode(
  { codec, version, random }: Parts,
  { id, value, options, tagIds }: WriteRequest,
  wanted: Windows,
  generations: Generations,
): Encoded {
  const windows = jittered(wanted, options.jitter, random.next());
  const body = codec.encode({
    id,
    version,
    value,
    ttl: windows.ttlMs,
    staleWhileRevalidate: windows.staleWhileRevalidateMs,
    staleIfError: windows.staleIfErrorMs,
    loadMs: 0,
    tags: stampsOf(tagIds, generations),
  });
  return { body, windows };
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

/**
 * Stores values in both tiers, each as `set` does; every one is checked before the first is stored.
 * @param requests Of several for one key only the last is stored.
 * @returns whether each value is stored, in the order of the requests.
 * @throws {@link InvalidValueError} naming the key whose value cannot be stored as it is.
 */
export async function setMany(parts: Parts, requests: readonly WriteRequest[]): Promise<boolean[]> {
  for (const request of requests) assertWritable(parts, request);
  const named = [...new Map(requests.map((request) => [request.id, request])).values()];
  const waits = named.length > WRITES_PER_PACKET || named.some((request) => mayWait(parts, request));
  const last = waits ? named.map(asCalled) : named;
  const stored = new Map<EntryId, boolean>();
  let failed: { readonly error: unknown } | undefined;
  for (let at = 0; at < last.length; at += WRITES_PER_PACKET) {
    const packet = last.slice(at, at + WRITES_PER_PACKET);
    const readTags = onceEach(parts, Math.max(...packet.map(keepTagsFor)));
    const written = await Promise.allSettled(packet.map((request) => writeChecked(parts, request, readTags)));
    for (const [index, { id }] of packet.entries()) {
      const outcome = written[index];
      if (outcome?.status === 'rejected') failed ??= { error: outcome.reason };
      else stored.set(id, outcome?.value === true);
    }
  }
  if (failed !== undefined) throw failed.error;
  return requests.map(({ id }) => stored.get(id) === true);
}

function keepTagsFor({ value, options }: WriteRequest): number {
  return tagsKeepFor(usefulForMs(windowsOf(value, options)));
}

/** Reads each tag once for all writes of one tick, and has it kept for the longest of them. */
function onceEach(parts: Parts, keepFor: number): ReadTags {
  const reading = new Map<EntryId, Promise<TagGeneration | undefined>>();
  return (tier, tags, generation) => {
    const missing = tags.filter((tag) => !reading.has(tag));
    if (missing.length > 0) {
      const read = tier.tagGenerations(missing, generation, keepFor, knownOf(parts, missing));
      missing.forEach(
        (tag, index) =>
          void reading.set(
            tag,
            read.then((all) => all[index]),
          ),
      );
    }
    return Promise.all(tags.map((tag) => reading.get(tag)));
  };
}
