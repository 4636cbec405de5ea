import { clean } from './clean.ts';
import { deliver, deliveryBudget, otherHistory } from './deliver.ts';
import { tagsAreCurrent } from './entry.ts';
import { type Dated, entryOf } from './entry-of.ts';
import { InvalidationPendingError } from './errors.ts';
import type { Flight } from './flights.ts';
import { recall, tagsKeepFor, take } from './generations.ts';
import type { InvalidationMode, Targets } from './invalidation.ts';
import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import type { PendingOrder } from './pending.ts';
import type { RemoteTier } from './ports.ts';
import { flightSetup } from './read.ts';
import { type Recorded, type RecordedAs, record } from './record.ts';
import type { Refilled } from './refilled.ts';
import { NOTHING } from './refilled.ts';
import type { Generations, TagGeneration } from './tags.ts';
import { ATTRIBUTE, SPAN } from './telemetry-names.ts';
import { assertStorable } from './value.ts';
import { packed, tooLong } from './value-limit.ts';
import { stampsOf } from './verdict.ts';
import { jittered, usefulForMs, type Windows, windowsOf } from './windows.ts';
import type { WriteRequest } from './write-request.ts';

/** After the start and after a rest, an order waits so long for contact with L2 before it counts as pending. */
const CONTACT_MS = 1_000;

/**
 * Invalidates: this process first and in any case, then L2 and through it everybody else.
 * @param as Whether, and as what, the outbox holds it already.
 * @returns how many L2 records a pattern touched.
 * @throws {@link InvalidationPendingError} when L2 could not be told; the order is kept and repeated.
 */
export function invalidate(
  parts: Parts,
  targets: Targets,
  mode: InvalidationMode,
  budgetMs: number,
  as?: RecordedAs,
): Promise<number> {
  const { remote, pending, tracer, name, background } = parts;
  clean(parts, targets, mode);
  parts.counters.invalidations += 1;
  parts.recent.note(targets, 'here');
  parts.emit({ type: 'invalidated', targets, origin: 'here' });
  const recorded = record(parts, targets, mode, as);
  if (remote === undefined) return tellFollowers(parts, targets, mode, recorded);
  // From here to the acknowledgement, what the order names is a miss in L2 for this instance. Since the cleaning and
  // this line are one step, no flight can have read the old value in between.
  const order = pending.add(targets, mode, recorded.acknowledge);
  const telling = tracer.trace(
    SPAN.invalidate,
    { [ATTRIBUTE.name]: name, [ATTRIBUTE.operation]: mode },
    async (span) => {
      const operation = {
        name: 'invalidate',
        budgetMs: deliveryBudget(targets, budgetMs),
        contactMs: CONTACT_MS,
      };
      const told = await remote.ask(operation, (tier, session) => deliver(parts, tier, session, targets, mode));
      await recorded.written;
      if (told.ok) {
        pending.settle(order);
        return told.value;
      }
      const error = owe(parts, order, told.error);
      span.fail(error);
      throw error;
    },
  );
  background.track(telling, ignore);
  return telling;
}

/** Without an L2, others can only learn of it from the outbox. */
async function tellFollowers(
  parts: Parts,
  targets: Targets,
  mode: InvalidationMode,
  { written, acknowledge }: Recorded,
): Promise<number> {
  const order = parts.pending.add(targets, mode, acknowledge);
  if (!(await written)) throw owe(parts, order, undefined);
  parts.pending.settle(order);
  return 0;
}

function owe({ pending, emit }: Parts, order: PendingOrder, cause: unknown): InvalidationPendingError {
  pending.leave(order);
  const summary = pending.summary();
  emit({ type: 'invalidation_pending', keys: summary.keys, tags: summary.tags, all: summary.all });
  return new InvalidationPendingError(summary, cause);
}

/**
 * Stores a value in both tiers and takes it out of everybody else's L1.
 * @returns whether the value is stored; `false` when a greater version is, or when L2 could not be told: the key then
 *   is a pending invalidation.
 * @throws {@link InvalidValueError} when it cannot be stored as it is.
 */
export async function write(parts: Parts, request: WriteRequest): Promise<boolean> {
  assertWritable(parts, request);
  return writeChecked(parts, request);
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
  readTags: ReadTags = readOwnTags,
): Promise<boolean> {
  const targets: Targets = { ids: [request.id], tags: [] };
  const windows = windowsOf(request.value, request.options);
  if (windows.ttlMs === 0) return endOnly(parts, targets, request);
  clean(parts, targets, 'delete');
  // Registered like a read, so that a message about the key that comes meanwhile keeps the value out of L1.
  const setup = flightSetup(parts, request, { background: true, mayLoad: false });
  let stored = false;
  const flight = parts.flights.begin(request.id, setup, async (own) => {
    stored = await store(parts, request, windows, own, targets, readTags);
    return NOTHING;
  });
  parts.background.track(flight.result);
  await flight.result;
  return stored;
}

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
async function endOnly(parts: Parts, targets: Targets, { options }: WriteRequest): Promise<false> {
  try {
    await invalidate(parts, targets, 'delete', options.l2TimeoutMs);
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
  }
  return false;
}

async function store(
  parts: Parts,
  request: WriteRequest,
  windows: Windows,
  flight: Flight<Refilled>,
  targets: Targets,
  readTags: ReadTags,
): Promise<boolean> {
  const { remote } = parts;
  const generations: Generations = new Map();
  if (remote === undefined) return keepOwn(parts, request, flight, encode(parts, request, windows, generations));
  // A history from before would bring the value back that this one replaces.
  const recorded = record(parts, targets, 'delete', undefined);
  const order = parts.pending.add(targets, 'delete', recorded.acknowledge);
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
      const reply = await tier.write({
        id: request.id,
        session,
        origin: parts.instance,
        token: parts.random.token(),
        body: packed(parts, encoded.body),
        keepFor: Math.max(Math.ceil(usefulForMs(encoded.windows)), 1),
        version: request.options.version,
      });
      if (reply.kind === 'session-mismatch') {
        remote.distrust();
        throw otherHistory();
      }
      return { encoded, isStored: reply.kind === 'done' };
    },
  );
  await recorded.written;
  if (!written.ok) {
    owe(parts, order, written.error);
    return false;
  }
  parts.pending.settle(order);
  return written.value.isStored && keepOwn(parts, request, flight, written.value.encoded);
}

/** Reads the generations of tags, in their order. */
export type ReadTags = (
  tier: RemoteTier,
  tags: readonly EntryId[],
  generation: string,
  keepFor: number,
) => Promise<readonly (TagGeneration | undefined)[]>;

const readOwnTags: ReadTags = (tier, tags, generation, keepFor) => tier.tagGenerations(tags, generation, keepFor);

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

/** Stored is stored, whether or not L1 may hold it: no other message for the key may have come since. */
function keepOwn(parts: Parts, request: WriteRequest, flight: Flight<Refilled>, { body, windows }: Encoded): true {
  const { clock, random, codec, flights, l1 } = parts;
  flights.outrunOthers(flight);
  if (!flight.mayStore || !tagsAreCurrent(flight.tags)) return true;
  const now = clock.now();
  const dated: Dated = {
    value: codec.decode(body).value,
    loadMs: 0,
    storedAt: now,
    windows,
    tags: flight.tags,
    // Another writer's value may already have replaced it: only proof, not its age, makes it trustworthy here.
    loadBeganAt: Number.NEGATIVE_INFINITY,
  };
  l1.set(request.id, entryOf(dated, request.options, now, random.next(), request.counters));
  return true;
}

function ignore(): void {}
