import { assertOptions, type CacheOptions, maxLagOf, maxValueBytesOf, slowAfterOf } from './cache-options.ts';
import { handingOutCopies } from './copies.ts';
import { DEFAULT_NAME } from './model/cache-name.ts';
import { Counters } from './model/counters.ts';
import { CacheClosedError, InvalidOptionError, type TierName } from './model/errors.ts';
import type { CacheEvent } from './model/events.ts';
import type { Form } from './model/json-types.ts';
import { guardedGroupOf } from './model/key.ts';
import { resolveOptions } from './model/options.ts';
import { TagRegistry } from './model/tags.ts';
import type { ValueCodec } from './ports/codec.ts';
import { noTracer } from './ports/tracer.ts';
import { detached } from './primitives/async-context.ts';
import { BackgroundTasks } from './primitives/background-tasks.ts';
import { type BreakerOptions, CircuitBreaker } from './primitives/circuit-breaker.ts';
import { systemClock, systemRandom } from './primitives/clock.ts';
import { dropRejection } from './primitives/quietly.ts';
import { WakeWatch } from './primitives/wake-watch.ts';
import type { CacheContext } from './state/context.ts';
import { emitterOf } from './state/emitter.ts';
import { Flights } from './state/flights.ts';
import { KnownIds } from './state/id-cache.ts';
import { OutboxRecorder } from './state/outbox-recorder.ts';
import { PendingInvalidations } from './state/pending-invalidations.ts';
import { Proof } from './state/proof.ts';
import { RecentInvalidations } from './state/recent-invalidations.ts';
import { RefusedValues } from './state/refused-values.ts';
import type { Workers } from './stats.ts';
import { GenerationSweeper } from './sync/generation-sweeper.ts';
import { HeartbeatLoop } from './sync/heartbeat-loop.ts';
import { tellLostOrders } from './sync/lost-orders.ts';
import { Follower } from './sync/outbox-follower.ts';
import { Relay } from './sync/outbox-relay.ts';
import { PendingDelivery } from './sync/pending-delivery.ts';
import { Recovery } from './sync/recovery.ts';
import { ServerMonitor } from './sync/server-monitor.ts';
import { TagKeeper } from './sync/tag-keeper.ts';
import { type Lifecycle, TieredCache } from './tiered-cache.ts';
import { claimParts } from './tiers/claimed-parts.ts';
import { GuardedL1 } from './tiers/guarded-l1.ts';
import { GuardedL2 } from './tiers/guarded-l2.ts';
import { GuardedSource } from './tiers/guarded-source.ts';
import { jsonCodecOf } from './tiers/json-codec.ts';
import { QuietTracer } from './tiers/quiet-tracer.ts';
import { valueCodecOf } from './tiers/value-codec.ts';

import { forgetEverything } from './write/apply-locally.ts';

/** The form of values for a type of `freeze`. Where `freeze` is known only at run time, values count as frozen. */
export type FormOf<Freeze extends boolean> = true extends Freeze ? 'frozen' : 'plain';

/**
 * Makes a cache and starts it. It takes L2 into use as soon as the server is there, and works from the first call on.
 * @example
 * const cache = createCache({ name: 'catalog', l1: lru(), ...redis('redis://localhost') });
 * @throws {@link InvalidOptionError} naming the option that cannot be used. A server that is away causes no error.
 */
export function createCache(options: CacheOptions & { readonly codec: ValueCodec }): TieredCache<'decoded'>;
export function createCache<Freeze extends boolean = true>(options: CacheOptions<Freeze>): TieredCache<FormOf<Freeze>>;
export function createCache(options: CacheOptions): TieredCache<Form> {
  assertOptions(options);
  return assembleCache(options);
}

/** The classes that keep a cache consistent. Tests replace one by a weaker one, and check that they notice. */
export const COLLABORATORS = {
  Flights,
  HeartbeatLoop,
  OutboxRecorder,
  PendingDelivery,
  PendingInvalidations,
  Proof,
  Relay,
  GuardedL2,
  Recovery,
  TagKeeper,
  TagRegistry,
};

/** Puts a cache together and starts it. The options must have passed `assertOptions`. */
export function assembleCache<F extends Form = 'frozen'>(
  options: CacheOptions,
  collaborators: typeof COLLABORATORS = COLLABORATORS,
): TieredCache<F> {
  const { l1, l2, bus, outbox, clock = systemClock, random = systemRandom, freeze = true } = options;
  const maxLagMs = maxLagOf(options);
  // Without an L2, L1 has no tier to ask before the TTL ends.
  const defaults = resolveOptions(l2 === undefined ? { l1Ttl: Infinity, ...options.defaults } : options.defaults);
  const counters = new Counters(guardedGroupOf(options.groupOf));
  const observers = new Set(options.observers);
  const emit = emitterOf(counters, observers, options.onError);
  let heartbeat: HeartbeatLoop | undefined;
  const breakerOf = (tier: TierName, given: BreakerOptions | undefined, onChange: () => void): CircuitBreaker =>
    new CircuitBreaker(
      clock,
      random,
      (from, to) => {
        emit({ type: 'breaker_transition', tier, from, to });
        onChange();
      },
      given,
    );
  // Operators learn of a transition when it happens, not at the next heartbeat.
  const l2Breaker = breakerOf('l2', options.breaker, () => heartbeat?.announce());
  const source: GuardedSource = new GuardedSource(
    clock,
    options.maxLoads ?? Infinity,
    options.source && {
      // The first load that succeeds closes this breaker. `maxLoads` already bounds the load on a source that has just
      // come back.
      breaker: breakerOf('source', { ...options.source.breaker, settleMs: 0 }, () => source.onChange()),
      isFailure: judgeOf(options.source.isFailure, emit),
      slowMs: slowAfterOf(options.source),
    },
  );
  const pending = new collaborators.PendingInvalidations();
  const ending = new AbortController();
  const context: CacheContext = {
    name: options.name ?? DEFAULT_NAME,
    instance: random.token(),
    version: String(options.version ?? ''),
    maxLagMs,
    clock,
    random,
    codec: options.codec === undefined ? jsonCodecOf(freeze) : valueCodecOf(options.codec, freeze),
    validate: options.validate,
    refused: new RefusedValues(clock, counters, emit),
    maxValueBytes: maxValueBytesOf(options),
    l1: new GuardedL1(l1, emit),
    l2: l2 && new collaborators.GuardedL2(l2, l2Breaker, clock, emit, maxLagMs),
    questions: [],
    tagReads: [],
    knownIds: new KnownIds(),
    hasBus: bus !== undefined,
    outbox,
    recorder: outbox && new collaborators.OutboxRecorder(outbox, clock, pending, emit, l2 !== undefined),
    // Without a bus, and without an outbox to follow, this instance can prove nothing. L1's TTL is the bound then.
    proof: new collaborators.Proof(bus !== undefined || (l2 === undefined && outbox) ? maxLagMs : Infinity, {
      watch: new WakeWatch(clock, maxLagMs),
      now: () => clock.now(),
      onWake: () => {
        forgetEverything(context);
        context.l2?.distrust();
        emit({ type: 'bus_resync' });
        heartbeat?.awoke();
      },
    }),
    tags: new collaborators.TagRegistry(clock),
    flights: new collaborators.Flights(clock),
    source,
    pending,
    recent: new RecentInvalidations(() => clock.now()),
    counters,
    background: new BackgroundTasks((error) =>
      emit({ type: 'tier_failure', error, operation: 'background', tier: 'l2', background: true }),
    ),
    ending: ending.signal,
    emit,
    observers,
    tracer: options.tracer === undefined ? noTracer : new QuietTracer(options.tracer),
  };
  let relay: Relay | undefined;
  const monitor = context.l2 && new ServerMonitor(context, context.l2);
  if (context.l2 !== undefined) {
    const answerMs = Math.min(defaults.l2TimeoutMs, LONGEST_ANSWER_MS);
    const recovery = new collaborators.Recovery(clock, random, maxLagMs, outbox !== undefined);
    const delivery = new collaborators.PendingDelivery(context, context.l2.tier, answerMs);
    const onBeat = (): void => {
      relay?.heartbeat();
      monitor?.heartbeat();
    };
    heartbeat = new collaborators.HeartbeatLoop(context, context.l2, { bus, recovery, delivery, answerMs, onBeat });
    if (outbox !== undefined)
      relay = new collaborators.Relay(context, context.l2, outbox, recovery, answerMs, () => heartbeat?.hurry());
  }
  const follower = l2 === undefined && outbox !== undefined ? new Follower(context, outbox) : undefined;
  claimParts({ l1, l2, bus, outbox });
  const sweeper = context.l2 && new GenerationSweeper(context, context.l2);
  const keeper = context.l2 && context.hasBus ? new collaborators.TagKeeper(context, context.l2) : undefined;
  const workers: Workers = { heartbeat, relay, follower, monitor, sweeper, keeper };
  const cache = new TieredCache<F>(context, defaults, workers, observers, lifecycleOf(context, workers, ending));
  if (l2 !== undefined && bus === undefined) emit({ type: 'no_bus' });
  // A caller may make the cache inside a request. The cache outlives that request and must not keep its context.
  detached(() => {
    heartbeat?.start();
    try {
      relay?.start();
      follower?.start();
    } catch (error) {
      // An outbox that refuses to start makes this call throw. The heartbeat has started already, so it ends here.
      if (heartbeat !== undefined) context.background.track(heartbeat.close());
      throw error;
    }
    monitor?.start();
    sweeper?.start();
    keeper?.start();
  });
  return options.codec !== undefined && freeze ? handingOutCopies(cache, context.codec.copyOf) : cache;
}

/**
 * Longest time for an answer of L2 to work without a caller, whatever `l2Timeout` is. A hung server is noticed by then.
 */
const LONGEST_ANSWER_MS = 2_000;

/** Time after `close` at which loads that still run are aborted. */
const CLOSE_GRACE_MS = 5_000;

/** Time after `close` until which pending invalidations are delivered. It keeps `close` within six seconds. */
const LAST_ORDERS_BY_MS = 5_500;

/** Time after `close` at which sweeps end. The outbox or the TTL completes an unfinished sweep. */
const SWEEP_GRACE_MS = 2_000;

/**
 * Guards the caller's `isFailure`: an error that it throws counts as no failure of the source. A faulty `isFailure`
 * must not hide the error of the load, nor leave a trial open.
 */
function judgeOf(
  isFailure: (error: unknown) => boolean,
  emit: (event: CacheEvent) => void,
): (error: unknown) => boolean {
  return (given) => {
    try {
      const verdict: unknown = isFailure(given);
      if (!(verdict instanceof Promise)) return Boolean(verdict);
      dropRejection(verdict);
      throw new InvalidOptionError('source.isFailure', verdict, 'a function that answers true or false, not a promise');
    } catch (error) {
      emit({ type: 'tier_failure', error, operation: 'isFailure', tier: 'source', background: true });
      return false;
    }
  };
}

/** Closes the outbox, which first writes its last acknowledgements. An error goes to `onError`. */
async function closeOutbox({ outbox, emit }: CacheContext): Promise<void> {
  try {
    await outbox?.close();
  } catch (error) {
    emit({ type: 'tier_failure', error, operation: 'close', tier: 'source', background: true });
  }
}

function lifecycleOf(
  context: CacheContext,
  { heartbeat, relay, follower, monitor, sweeper, keeper }: Workers,
  ending: AbortController,
): Lifecycle {
  let closing: Promise<void> | undefined;
  const closes = new AbortController();
  const close = async (): Promise<void> => {
    const error = new CacheClosedError(context.name);
    closes.abort(error);
    const until = context.clock.now() + LAST_ORDERS_BY_MS;
    const stopSweeping = context.clock.after(SWEEP_GRACE_MS, () => ending.abort(error), true);
    const stopWaiting = context.clock.after(CLOSE_GRACE_MS, () => context.flights.abortAll(error), true);
    const { background, flights } = context;
    while (background.size + flights.size > 0) await Promise.all([background.drain(), flights.drain()]);
    stopSweeping();
    stopWaiting();
    await Promise.all([relay?.close(), follower?.close(), monitor?.close(), sweeper?.close(), keeper?.close()]);
    await heartbeat?.close(until);
    // The last heartbeat may have delivered invalidations that the outbox has not been told of.
    await context.background.drain();
    await context.recorder?.close();
    tellLostOrders(context);
    await closeOutbox(context);
    context.l1.clear();
  };
  return {
    assertOpen() {
      if (closing !== undefined) throw new CacheClosedError(context.name);
    },
    closing: closes.signal,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
