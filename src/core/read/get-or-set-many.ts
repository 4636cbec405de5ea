import type { Entry } from '../model/entry.ts';
import type { EntryId } from '../model/key.ts';
import type { Lookup } from '../model/lookup.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import type { Attributes, Span } from '../ports/tracer.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore } from '../primitives/quietly.ts';
import type { CacheContext } from '../state/context.ts';
import type { BulkMember, ReadRequest } from '../state/request.ts';
import type { ManyLoader } from '../tiers/many-loader.ts';
import { askL1, fromFlight, type LocalMiss } from './get-or-set.ts';
import { isHit, L1_HIT } from './l1-hit.ts';
import { hitLookup, reportFailure, reportLookup } from './lookup-result.ts';
import { MergedTracer } from './merged-tracer.ts';
import { begin, mayRefresh, traceRefresh } from './refresh.ts';
import { SharedLoads } from './shared-loads.ts';

/** The outcome of one key. */
type Outcome = PromiseSettledResult<Lookup<unknown>>;

type Outcomes = ReadonlyMap<EntryId, Outcome>;

/** Returns the values of many keys; see `CacheView.getOrSetMany`. */
export function getOrSetMany(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
): Promise<unknown[]> {
  return answerMany(
    context,
    requests,
    loader,
    ({ value }) => value,
    ({ value }) => value,
  );
}

/** Returns the lookups of many keys: {@link getOrSetMany}, with the origin of each answer. */
export function lookupMany(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
): Promise<Lookup<unknown>[]> {
  return answerMany(
    context,
    requests,
    loader,
    (entry, now) => hitLookup(context, entry, now),
    (lookup) => lookup,
  );
}

/**
 * Answers many keys at once.
 * @param requests Reads with the same options. A key may come twice.
 * @throws the first error in the order of the requests, after all keys have settled.
 */
async function answerMany<T>(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
  ofHit: (entry: Entry, now: number) => T,
  ofLookup: (lookup: Lookup<unknown>) => T,
): Promise<T[]> {
  const { l1, clock, tracer, counters } = context;
  const now = clock.now();
  const hits = new Map<EntryId, Entry>();
  const missing = new Map<EntryId, ReadRequest>();
  for (const request of requests) {
    const entry = request.options.forceFresh ? undefined : l1.get(request.id);
    if (entry !== undefined && isHit(context, entry, now)) {
      entry.counters.l1Hits += 1;
      hits.set(request.id, entry);
    } else {
      counters.peekFollowed(request.id);
      missing.set(request.id, request);
    }
  }
  const outcomes = missing.size > 0 ? await lookUpMissing(context, [...missing.values()], loader) : NO_OUTCOMES;
  if (missing.size === 0) tracer.tag(L1_HIT);
  return requests.flatMap(({ id }) => {
    const outcome = outcomes.get(id);
    if (outcome?.status === 'rejected') throw outcome.reason;
    if (outcome !== undefined) return [ofLookup(outcome.value)];
    const hit = hits.get(id);
    return hit === undefined ? [] : [ofHit(hit, now)];
  });
}

const NO_OUTCOMES: Outcomes = new Map();

/**
 * Looks up keys that L1 did not answer at once. Each key takes the steps of a single read, but all share one question
 * to L2 and one load.
 * @param requests Reads of different keys, at least one.
 */
function lookUpMissing(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
): Promise<Outcomes> {
  const { name, tracer, background } = context;
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'get_or_set_many',
    [ATTRIBUTE.keys]: requests.length,
  };
  const looking = tracer.trace(SPAN.lookup, attributes, async (span) => {
    const outcomes = await answerAll(context, requests, loader, span);
    span.set(countsOf(outcomes));
    for (const outcome of outcomes.values()) if (outcome.status === 'rejected') span.fail(outcome.reason);
    return outcomes;
  });
  background.track(looking, ignore);
  return looking;
}

async function answerAll(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
  span: Span,
): Promise<Outcomes> {
  const began = context.clock.now();
  const { signal, l2TimeoutMs = 0, hardTimeoutMs = 0 } = requests[0]?.options ?? {};
  signal?.throwIfAborted();
  const own = signal && ownSignals(requests, signal);
  const together = new BulkRead(context, own?.requests ?? requests, loader, span);
  const outcomes = new Map<EntryId, Outcome>();
  const allSettled = Promise.withResolvers<void>();
  const settle = (request: ReadRequest, outcome: Outcome): void => {
    outcomes.set(request.id, outcome);
    together.leave(request);
    if (outcomes.size === requests.length) allSettled.resolve();
  };
  const answer = (request: ReadRequest, lookup: Lookup<unknown>): void => {
    reportLookup(context, request, lookup);
    settle(request, { status: 'fulfilled', value: lookup });
  };
  const fail = (request: ReadRequest, error: unknown): void =>
    settle(request, { status: 'rejected', reason: reportFailure(context, request, error) });
  const missed: { readonly request: ReadRequest; readonly why: LocalMiss }[] = [];
  for (const request of together.requests) {
    const here = askL1(context, request, began, span);
    if ('miss' in here) missed.push({ request, why: here.miss });
    else answer(request, here.lookup);
  }
  if (missed.length > 0 && context.l2?.readiness.isAwaited)
    await unlessAborted(context.l2.readiness.wait(Math.min(l2TimeoutMs, hardTimeoutMs)), signal).catch(ignore);
  for (const { request, why } of missed) {
    fromFlight(together.context, request, why, began, span).then(
      (lookup) => answer(request, lookup),
      (error: unknown) => fail(request, error),
    );
  }
  await allSettled.promise;
  own?.release();
  return outcomes;
}

/**
 * Makes a signal for each key that follows the caller's signal. The caller's signal gets one listener for any number of
 * keys.
 */
function ownSignals(
  requests: readonly ReadRequest[],
  signal: AbortSignal,
): { readonly requests: readonly ReadRequest[]; release(): void } {
  const aborts: AbortController[] = [];
  const followers = requests.map((request) => {
    const abort = new AbortController();
    aborts.push(abort);
    return { ...request, options: { ...request.options, signal: abort.signal } };
  });
  const follow = (): void => {
    for (const abort of aborts) abort.abort(signal.reason);
  };
  signal.addEventListener('abort', follow, { once: true });
  return { requests: followers, release: () => signal.removeEventListener('abort', follow) };
}

/** Refreshes keys in the background, with one load for all whose refresh is due. */
function refreshMany(
  context: CacheContext,
  requests: readonly ReadRequest[],
  loader: ManyLoader<unknown>,
  span: Span,
): void {
  const due = requests.filter((request) => mayRefresh(context, request));
  const [first] = due;
  if (first === undefined) return;
  traceRefresh(context, first, span, () => {
    const together = new BulkRead(context, due, loader, span);
    const refreshes = together.requests.map((request) =>
      begin(together.context, request, true).result.finally(() => together.leave(request)),
    );
    return Promise.allSettled(refreshes);
  });
}

/** The work that the keys of one call share. */
class BulkRead {
  /** The requests, each linked to this object. */
  readonly requests: readonly ReadRequest[];
  /** The context in which each key takes its own steps. */
  readonly context: CacheContext;
  readonly #loads: SharedLoads;
  #due: ReadRequest[] = [];

  constructor(context: CacheContext, requests: readonly ReadRequest[], loader: ManyLoader<unknown>, span: Span) {
    this.requests = requests.map((request) => ({ ...request, bulk: this.#memberFor(request) }));
    this.context = { ...context, tracer: new MergedTracer(context.tracer) };
    const ids = requests.map(({ id }) => id);
    this.#loads = new SharedLoads(context, loader, ids, () => {
      const due = this.#due;
      this.#due = [];
      refreshMany(context, due, loader, span);
    });
  }

  /** Takes note that the key has its outcome. */
  leave({ id }: ReadRequest): void {
    this.#loads.release(id);
  }

  #memberFor(request: ReadRequest): BulkMember {
    return {
      dropOut: () => this.#loads.release(request.id),
      load: (flight, stale) => this.#loads.load(request, flight, stale),
      refresh: () => void this.#due.push(request),
    };
  }
}

/** Counts the keys that each tier answered. */
function countsOf(outcomes: Outcomes): Attributes {
  const counts = { l1: 0, l2: 0, source: 0, failed: 0 };
  for (const outcome of outcomes.values()) counts[outcome.status === 'rejected' ? 'failed' : outcome.value.tier] += 1;
  return {
    [ATTRIBUTE.keysFromL1]: counts.l1,
    [ATTRIBUTE.keysFromL2]: counts.l2,
    [ATTRIBUTE.keysFromSource]: counts.source,
    [ATTRIBUTE.keysFailed]: counts.failed,
  };
}
