import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { unlessAborted } from '../primitives/abort.ts';
import { ignore, quietly } from '../primitives/quietly.ts';
import { Supply } from '../primitives/shared-iterator.ts';
import { BudgetExceeded, within } from '../primitives/timeout.ts';
import type { Parts } from '../state/context.ts';
import type { Flight } from '../state/flight.ts';
import { oldestToJoin } from '../state/flight-setup.ts';
import type { Refilled } from '../state/refill-result.ts';
import type { ReadRequest } from '../state/request.ts';
import { answerOf, isTimeUp, nestedWaitForRoom, timeoutOf, waitFor } from '../state/wait-for.ts';
import { isHit } from './l1-hit.ts';
import { begin } from './refresh.ts';
import { untilWritten } from './until-written.ts';
import type { ResolvedWarmOptions, WarmItem, WarmResult } from './warm-options.ts';

type Outcome = 'fresh' | 'loaded' | 'failed';

/**
 * Brings keys into the tiers before somebody asks for them. The same flights as those of readers, so that a key is loaded
 * once in the fleet and no old value outlives an invalidation; but nobody was answered, so neither hits nor misses are
 * counted.
 * @param requestOf Makes a read of an item; what it throws counts as that item's failure.
 * @param closing Aborted when the cache closes.
 * @throws what the list throws.
 */
export async function warm<V>(
  parts: Parts,
  items: Iterable<WarmItem<V>> | AsyncIterable<WarmItem<V>>,
  { concurrency, signal: given, onProgress }: ResolvedWarmOptions,
  requestOf: (item: WarmItem<V>) => ReadRequest,
  closing: AbortSignal,
): Promise<WarmResult> {
  const signal = given === undefined ? closing : AbortSignal.any([given, closing]);
  const supply = new Supply(items, parts.clock, signal);
  const counts = { done: 0, fresh: 0, loaded: 0, failed: 0 };
  let last: { readonly error?: unknown } = {};
  const warmNext = async (item: WarmItem<V>): Promise<void> => {
    let outcome: Outcome = 'failed';
    try {
      outcome = await warmKey(parts, requestOf(item), signal);
    } catch (error) {
      // Cut short: that says nothing about the key.
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

async function warmKey(parts: Parts, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
  const { l1, clock, tracer, name } = parts;
  const entry = l1.get(request.id);
  if (entry !== undefined && isHit(parts, entry, clock.now())) return 'fresh';
  const options = { ...request.options, forceFresh: false, softTimeoutMs: Infinity, signal };
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'warm',
    [ATTRIBUTE.keyGroup]: request.counters.group,
  };
  return tracer.trace(SPAN.lookup, attributes, () => bring(parts, { ...request, options }, signal));
}

/** Until the key is fresh here, or its load has failed: a stale answer is good for a reader, not for those to come. */
async function bring(parts: Parts, request: ReadRequest, signal: AbortSignal): Promise<Outcome> {
  const { l1, flights, clock, remote } = parts;
  const { id, options } = request;
  const giveUpAt = clock.now() + options.hardTimeoutMs;
  if (remote?.contact.isAwaited)
    await unlessAborted(remote.contact.wait(Math.min(options.l2TimeoutMs, options.hardTimeoutMs)), signal);
  if (flights.writeOf(id) !== undefined) {
    const hit = (): true | undefined => {
      const entry = l1.get(id);
      return entry !== undefined && isHit(parts, entry, clock.now()) ? true : undefined;
    };
    if (await untilWritten(parts, request, hit)) return 'fresh';
  }
  for (;;) {
    signal.throwIfAborted();
    if (isTimeUp(parts, giveUpAt)) throw timeoutOf(request);
    const joined = flights.joinable(id, oldestToJoin(parts, clock.now()));
    if (joined === undefined && !flights.hasRoom(id)) {
      await untilRoom(parts, request, giveUpAt, signal);
      continue;
    }
    const refilled = await wait(parts, request, joined, giveUpAt, signal);
    if (refilled === undefined) continue;
    const { state, tier, source } = refilled;
    if (source?.outcome === 'failed') return 'failed';
    if (state === 'fresh') return joined === undefined && tier === 'source' ? 'loaded' : 'fresh';
  }
}

async function untilRoom(parts: Parts, request: ReadRequest, giveUpAt: number, signal: AbortSignal): Promise<void> {
  const { flights, clock } = parts;
  const nested = nestedWaitForRoom(parts, request);
  try {
    await within(clock, Math.max(giveUpAt - clock.now(), 0), unlessAborted(flights.untilOneEnds(request.id), signal));
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error;
  } finally {
    nested?.end();
  }
}

/**
 * Waits for the flight that was joined, or for one of its own: a refresh that gives way to no stale value, and ends with the
 * warm-up unless a reader has joined it.
 */
async function wait(
  parts: Parts,
  request: ReadRequest,
  joined: Flight<Refilled> | undefined,
  giveUpAt: number,
  signal: AbortSignal,
): Promise<Refilled | undefined> {
  const flight = joined ?? begin(parts, request, true);
  if (joined === undefined) parts.background.track(flight.result, ignore);
  flight.join(request.options.hardTimeoutMs);
  try {
    return answerOf(parts, request, flight, await waitFor(parts, request, flight, giveUpAt, 'the load'));
  } finally {
    if (joined === undefined && signal.aborted && !flight.hasWaiters) flight.abort(signal.reason);
  }
}
