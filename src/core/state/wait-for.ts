import { mayServeOnError } from '../model/entry.ts';
import { LoadCycleError, LoadTimeoutError } from '../model/errors.ts';
import { withTimeout } from '../primitives/timeout.ts';
import { type NestedWait, RunningLoad } from '../tiers/running-load.ts';
import type { CacheContext } from './context.ts';
import type { Flight } from './flight.ts';
import type { RefillResult } from './refill-result.ts';
import type { ReadRequest } from './request.ts';

/** The time by which timers may fire early. A caller with less time left does not begin anew. */
const TOO_LITTLE_MS = 1;

/** True when the time of a caller is over. */
export function isTimeUp({ clock }: Pick<CacheContext, 'clock'>, giveUpAt: number): boolean {
  return giveUpAt - clock.now() < TOO_LITTLE_MS;
}

/**
 * True when a caller may wait for {@link Flight.quick}: it wants nothing but the answer, and its time exceeds the first
 * question.
 */
export function takesQuickAnswer(
  flight: Flight<RefillResult>,
  { signal, softTimeoutMs }: ReadRequest['options'],
  giveUpAt: number,
): boolean {
  const isQuick = flight.stage === 'first-question' && flight.firstAnswerAt < giveUpAt;
  return isQuick && signal === undefined && softTimeoutMs === Infinity && !flight.background;
}

/**
 * Makes one caller wait for a flight that it has joined. The wait ends with the first of these:
 * 1. The flight ends.
 * 2. The caller's signal is aborted. The flight continues for the others.
 * 3. The `softTimeout` is over and the flight has met a stale value. The flight continues for later callers.
 * 4. The caller's `hardTimeout` is over. The flight continues for callers who have time left.
 * 5. The flight is a refresh, and the value that it replaces is still usable. `wanted: 'the load'` waits on.
 *
 * @param giveUpAt The end of the caller's `hardTimeout`, counted from its call.
 * @returns the input of {@link answerOf}, which runs in the continuation of the caller. Another caller may have set the
 *   timer that ended the wait, and user code that learns of the end must run in this caller's asynchronous context.
 * @throws {@link LoadCycleError} when the call is nested in a loader that the flight waits for; the reason of the
 *   signal; or the error of the flight.
 */
export function waitFor(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  giveUpAt: number,
  wanted: 'an answer' | 'the load' = 'an answer',
): Promise<Waited> {
  const { clock } = context;
  const { signal, softTimeoutMs } = request.options;
  const mayStandIn = flight.background && wanted === 'an answer';
  const nested = RunningLoad.current?.waitFor([flight]);
  if (
    nested === undefined &&
    signal === undefined &&
    softTimeoutMs === Infinity &&
    giveUpAt === Infinity &&
    !mayStandIn
  )
    return withTimeout(clock, Infinity, flight.result);
  return new Promise<Waited>((resolve, reject) => {
    let isOver = false;
    let cancelHard = (): void => {};
    const settle = (end: () => void): void => {
      isOver = true;
      nested?.end();
      cancelSoft();
      cancelHard();
      signal?.removeEventListener('abort', leave);
      end();
    };
    const leave = (): void =>
      settle(() => {
        flight.leave(signal?.reason);
        reject(signal?.reason);
      });
    const refuse = (ring: readonly string[]): void => {
      if (isOver) return;
      const error = new LoadCycleError(request.key, ring);
      settle(() => {
        flight.leave(error);
        reject(error);
      });
    };
    const giveUp = (): void => settle(() => resolve('time is up'));
    const watchTime = (): void => {
      if (!isOver) cancelHard = clock.after(Math.max(giveUpAt - clock.now(), 0), giveUp, true);
    };
    const takeStale = (): void => void flight.candidate.then((stale) => settle(() => resolve(stale)));
    const cancelSoft = softTimeoutMs === Infinity ? () => {} : clock.after(softTimeoutMs, takeStale, true);
    signal?.addEventListener('abort', leave, { once: true });
    if (flight.stage !== 'first-question' || giveUpAt <= flight.firstAnswerAt) watchTime();
    else flight.onGoOn(watchTime);
    if (mayStandIn) void flight.standIn.then((standIn) => standIn.serves() && settle(() => resolve(standIn.answer)));
    // Registered after the stand-in, which may be there already and then comes first.
    if (nested?.ring !== undefined) void Promise.resolve(nested.ring).then(refuse);
    flight.result.then(
      (result) => settle(() => resolve(result)),
      (error: unknown) =>
        settle(() => {
          if (!flight.endsByTimeout(error)) reject(error);
          else resolve(isTimeUp(context, giveUpAt) ? 'time is up' : 'begin anew');
        }),
    );
  });
}

/** The end of a wait: an answer; an aborted load while the caller has time left; or the end of the caller's time. */
export type Waited = RefillResult | 'begin anew' | 'time is up';

/**
 * Turns the end of a wait into an answer. A caller whose own time is over gets a stale value where `staleIfError`
 * allows it, or else an error.
 * @returns nothing when the load was aborted at the `hardTimeout` of others, and this caller has time to begin anew.
 * @throws {@link LoadTimeoutError} with the caller's own limit; {@link LoadShedError} when the load never got a place.
 */
export function answerOf(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  waited: Waited,
): RefillResult | undefined {
  if (typeof waited === 'object') return waited;
  if (waited === 'begin anew') return undefined;
  const error = errorAtTimeout(context, request, flight);
  flight.giveUp(error);
  const stale = staleAtTimeout(context, request, flight, error);
  if (stale === undefined) throw error;
  return stale;
}

/** The error of a caller whose own time is over. */
export function timeoutOf({ key, options }: ReadRequest): LoadTimeoutError {
  return new LoadTimeoutError(key, options.hardTimeoutMs);
}

/**
 * Returns the error at a timeout. A load without a place was shed, and its error tells the caller when to try again.
 */
function errorAtTimeout({ source }: CacheContext, request: ReadRequest, { stage }: Flight<RefillResult>): Error {
  return stage === 'queue' ? source.noPlace(request.key) : timeoutOf(request);
}

/** Returns the stale value for a caller whose time is over, where `staleIfError` allows it, as after a failed load. */
function staleAtTimeout(
  context: CacheContext,
  request: ReadRequest,
  flight: Flight<RefillResult>,
  error: Error,
): RefillResult | undefined {
  const { answer, entry } = flight.offered;
  const now = context.clock.now();
  if (answer === undefined || !mayServeOnError(entry, now)) return undefined;
  context.emit({ type: 'tier_failure', error, operation: 'load', tier: 'source', key: request.key, background: false });
  return { ...answer, source: { outcome: 'failed', durationMs: now - flight.beganAt } };
}

/**
 * Registers that a nested call waits for one of the key's loads to end. The caller ends the wait.
 * @throws {@link LoadCycleError} when each of these loads waits for the load that makes the call.
 */
export function nestedWaitForRoom({ flights }: CacheContext, { id, key }: ReadRequest): NestedWait | undefined {
  const nested = RunningLoad.current?.waitFor(flights.loading(id));
  if (nested?.ring !== undefined) throw new LoadCycleError(key, nested.ring);
  return nested;
}
