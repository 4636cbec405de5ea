import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore, quietly } from '../primitives/quietly.ts';
import { SharedIterator } from '../primitives/shared-iterator.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { oldestToJoin } from '../state/flight-setup.ts';
import type { RefillResult } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { answerOf, isTimeUp, nestedWaitForRoom, timeoutOf, waitFor } from '../state/wait-for.ts';
import { isHit } from './l1-hit.ts';
import { begin } from './refresh.ts';
import { untilWritten } from './until-written.ts';
import type { ResolvedWarmOptions, WarmItem, WarmResult } from './warm-options.ts';

type Outcome = 'fresh' | 'loaded' | 'failed';

/**
 * Loads keys into the tiers before the first reader asks for them. It uses the flights of readers, so a key is loaded
 * once in the fleet and no old value outlives an invalidation. No caller gets an answer, so it counts neither hits nor
 * misses.
 * @param requestOf Makes the read of an item. An error that it throws counts as a failure of that item.
 * @param closing Aborted when the cache closes.
 * @throws the error of the list.
 */
export async function warm<V>(
  context: CacheContext,
  items: Iterable<WarmItem<V>> | AsyncIterable<WarmItem<V>>,
  { concurrency, signal: given, onProgress }: ResolvedWarmOptions,
  requestOf: (item: WarmItem<V>) => ReadRequest,
  closing: AbortSignal,
): Promise<WarmResult> {
  const signal = given === undefined ? closing : AbortSignal.any([given, closing]);
  const supply = new SharedIterator(items, context.clock, signal);
  const counts = { done: 0, fresh: 0, loaded: 0, failed: 0 };
  let last: { readonly error?: unknown } = {};
  const warmNext = async (item: WarmItem<V>): Promise<void> => {
    let outcome: Outcome = 'failed';
    try {
      outcome = await warmKey(context, requestOf(item), signal);
    } catch (error) {
      // The warm-up was ended. That says nothing about the key.
      if (signal.aborted) return;
      last = { error };
    }
    counts.done += 1;
    counts[outcome] += 1;
    quietly(() => onProgress?.({ ...counts }));
  };
  const work = async (): Promise<void> => {
    for (let item = await supply.take(); item !== undefined; item = await supply.take()) await warmNext(item);
  };
  const workers = await Promise.allSettled(Array.from({ length: concurrency }, work));
  const broken = workers.find((worker) => worker.status === 'rejected');
  if (broken !== undefined) throw broken.reason;
  return { ...counts, aborted: supply.wasLeft, ...last };
}

async function warmKey(context: CacheContext, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
  const { l1, clock, tracer, name } = context;
  const entry = l1.get(request.id);
  if (entry !== undefined && isHit(context, entry, clock.now())) return 'fresh';
  const options = { ...request.options, forceFresh: false, softTimeoutMs: Infinity, signal };
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'warm',
    [ATTRIBUTE.keyGroup]: request.counters.group,
  };
  return tracer.trace(SPAN.lookup, attributes, () => bring(context, { ...request, options }, signal));
}

/**
 * Waits until the key is fresh here, or its load has failed. A stale answer serves a reader, but later readers need a
 * fresh one.
 */
async function bring(context: CacheContext, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
  const { l1, flights, clock, l2 } = context;
  const { id, options } = request;
  const giveUpAt = clock.now() + options.hardTimeoutMs;
  if (l2?.readiness.isAwaited)
    await unlessAborted(l2.readiness.wait(Math.min(options.l2TimeoutMs, options.hardTimeoutMs)), signal);
  if (flights.writeOf(id) !== undefined) {
    const hit = (): true | undefined => {
      const entry = l1.get(id);
      return entry !== undefined && isHit(context, entry, clock.now()) ? true : undefined;
    };
    if (await untilWritten(context, request, hit)) return 'fresh';
  }
  for (;;) {
    signal.throwIfAborted();
    if (isTimeUp(context, giveUpAt)) throw timeoutOf(request);
    const joined = flights.joinable(id, oldestToJoin(context, clock.now()));
    if (joined === undefined && !flights.hasRoom(id)) {
      await untilRoom(context, request, giveUpAt, signal);
      continue;
    }
    const result = await wait(context, request, joined, giveUpAt, signal);
    if (result === undefined) continue;
    const { state, tier, source } = result;
    if (source?.outcome === 'failed') return 'failed';
    if (state === 'fresh') return joined === undefined && tier === 'source' ? 'loaded' : 'fresh';
  }
}

async function untilRoom(
  context: CacheContext,
  request: ReadRequest,
  giveUpAt: number,
  signal: AbortSignal,
): Promise<void> {
  const { flights, clock } = context;
  const nested = nestedWaitForRoom(context, request);
  try {
    await withTimeout(
      clock,
      Math.max(giveUpAt - clock.now(), 0),
      unlessAborted(flights.untilOneEnds(request.id), signal),
    );
  } catch (error) {
    if (!(error instanceof TimeoutExceeded)) throw error;
  } finally {
    nested?.end();
  }
}

/**
 * Waits for a flight that it has joined, or for a flight of its own. Its own flight is a refresh that no stale value
 * replaces. It ends with the warm-up unless a reader has joined it.
 */
async function wait(
  context: CacheContext,
  request: ReadRequest,
  joined: Flight<RefillResult> | undefined,
  giveUpAt: number,
  signal: AbortSignal,
): Promise<RefillResult | undefined> {
  const flight = joined ?? begin(context, request, true);
  if (joined === undefined) context.background.track(flight.result, ignore);
  flight.join(request.options.hardTimeoutMs);
  try {
    return answerOf(context, request, flight, await waitFor(context, request, flight, giveUpAt, 'the load'));
  } finally {
    if (joined === undefined && signal.aborted && !flight.hasWaiters) flight.abort(signal.reason);
  }
}
