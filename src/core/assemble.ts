import { BackgroundTasks } from './background.ts';
import { CircuitBreaker } from './breaker.ts';
import { type Lifecycle, TieredCache } from './cache.ts';
import { type CacheOptions, maxLagOf } from './cache-options.ts';
import { systemClock, systemRandom } from './clock.ts';
import { jsonCodec } from './codec.ts';
import { Counters } from './counters.ts';
import { CacheClosedError } from './errors.ts';
import type { CacheEvent, Observer } from './events.ts';
import { Flights } from './flights.ts';
import { Heart } from './heart.ts';
import { LoadLimit } from './load-limit.ts';
import { resolveOptions } from './options.ts';
import type { Parts } from './parts.ts';
import { PendingInvalidations } from './pending.ts';
import { Proof } from './proof.ts';
import { RecentInvalidations } from './recent.ts';
import { Remote } from './remote.ts';
import { TagRegistry } from './tags.ts';
import { noTracer } from './tracer.ts';

/** The classes that keep a cache consistent. Tests replace one by a weaker one, to see that its absence is noticed. */
export const COLLABORATORS = { Flights, Heart, PendingInvalidations, Proof, Remote, TagRegistry };

/** Puts a cache together and starts it. The options must have passed `assertOptions`. */
export function assembleCache(options: CacheOptions, collaborators: typeof COLLABORATORS = COLLABORATORS): TieredCache {
  const { l1, l2, bus, clock = systemClock, random = systemRandom } = options;
  const maxLagMs = maxLagOf(options);
  // Without an L2 there is nothing that L1 could ask before the TTL ends.
  const defaults = resolveOptions(l2 === undefined ? { l1Ttl: Infinity, ...options.defaults } : options.defaults);
  const counters = new Counters();
  const observers = new Set(options.observers);
  const emit = emitter(counters, observers, options.onError);
  let heart: Heart | undefined;
  const breaker = new CircuitBreaker(
    clock,
    random,
    (from, to) => {
      emit({ type: 'breaker_transition', tier: 'l2', from, to });
      // Operators are told when it happens, not at the next heartbeat.
      heart?.announce();
    },
    options.breaker,
  );
  const parts: Parts = {
    name: options.name ?? 'cache',
    instance: random.token(),
    version: String(options.version ?? ''),
    maxLagMs,
    clock,
    random,
    codec: jsonCodec,
    l1,
    remote: l2 && new collaborators.Remote(l2, breaker, clock, emit, maxLagMs),
    hasBus: bus !== undefined,
    proof: new collaborators.Proof(bus === undefined ? Infinity : maxLagMs),
    tags: new collaborators.TagRegistry(clock),
    flights: new collaborators.Flights(clock),
    loads: new LoadLimit(clock, options.maxLoads ?? Infinity),
    pending: new collaborators.PendingInvalidations(),
    recent: new RecentInvalidations(() => clock.now()),
    counters,
    background: new BackgroundTasks((error) =>
      emit({ type: 'tier_failure', error, operation: 'background', tier: 'l2', background: true }),
    ),
    emit,
    tracer: options.tracer ?? noTracer,
  };
  heart = parts.remote && new collaborators.Heart(parts, parts.remote, bus, defaults.l2TimeoutMs);
  const cache = new TieredCache(parts, defaults, heart, observers, lifecycleOf(parts, heart));
  if (l2 !== undefined && bus === undefined) emit({ type: 'no_bus' });
  heart?.start();
  return cache;
}

/** Loads that are still running this long after `close` are aborted. */
const CLOSE_GRACE_MS = 5_000;

/** Counts, then tells everybody; nobody who listens can disturb what happens. */
function emitter(
  counters: Counters,
  observers: Set<Observer>,
  onError: CacheOptions['onError'],
): (event: CacheEvent) => void {
  return (event) => {
    if (event.type === 'tier_failure') {
      const { error, operation, tier, key, background } = event;
      if (tier === 'l2') counters.l2Errors += 1;
      quietly(() => onError?.({ error, operation, tier, key, background }));
    } else if (event.type === 'l2_timeout') counters.l2Timeouts += 1;
    else if (event.type === 'breaker_transition') counters.breakerTransitions += 1;
    for (const observer of observers) quietly(() => observer(event));
  };
}

function quietly(tell: () => void): void {
  try {
    tell();
  } catch {
    // A listener's fault is its own: the cache must not fail a read for it.
  }
}

function lifecycleOf(parts: Parts, heart: Heart | undefined): Lifecycle {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const stopWaiting = parts.clock.after(CLOSE_GRACE_MS, () =>
      parts.flights.abortAll(new CacheClosedError(parts.name)),
    );
    await parts.background.drain();
    stopWaiting();
    await heart?.close();
    parts.l1.clear();
  };
  return {
    assertOpen() {
      if (closing !== undefined) throw new CacheClosedError(parts.name);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
