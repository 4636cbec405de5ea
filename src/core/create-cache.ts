import { BackgroundTasks } from './background.ts';
import { type BreakerOptions, CircuitBreaker } from './breaker.ts';
import { type Lifecycle, TieredCache } from './cache.ts';
import { type Clock, type Random, systemClock, systemRandom } from './clock.ts';
import { jsonCodec } from './codec.ts';
import { Counters } from './counters.ts';
import { type Duration, toMs } from './duration.ts';
import { CacheClosedError, InvalidOptionError, type TierFailure } from './errors.ts';
import type { CacheEvent, Observer } from './events.ts';
import { Flights } from './flights.ts';
import { Heart } from './heart.ts';
import { assertKey } from './key.ts';
import { type EntryOptions, type ReadOptions, resolveOptions } from './options.ts';
import type { Parts } from './parts.ts';
import { PendingInvalidations } from './pending.ts';
import type { Bus, LocalTier, RemoteTier } from './ports.ts';
import { Proof } from './proof.ts';
import { RecentInvalidations } from './recent.ts';
import { Remote } from './remote.ts';
import { TagRegistry } from './tags.ts';
import { noTracer, type Tracer } from './tracer.ts';

/** How a cache is made. */
export interface CacheOptions {
  /** For messages and telemetry. Default `cache`. */
  readonly name?: string;
  /** The tier in this process; `lru()` of `tiercel/lru`. */
  readonly l1: LocalTier;
  /** The shared tier; `redis()` of `tiercel/redis` gives it together with `bus`. */
  readonly l2?: RemoteTier | undefined;
  /** Carries invalidations between instances. Without it L1 is bounded by `l1Ttl` alone. Needs `l2`. */
  readonly bus?: Bus | undefined;
  /** Defaults for every call. */
  readonly defaults?: Omit<ReadOptions, 'signal' | 'forceFresh' | 'tags'> & Pick<EntryOptions, 'ttl'>;
  /**
   * The bound D on what another instance may still serve after an invalidation was acknowledged. Default 1.5 s, at
   * least 150 ms: three heartbeats must fit. Smaller means more heartbeats, not more work for reads.
   */
  readonly maxLag?: Duration;
  /** Schema version of the values. Entries of another version are misses, so a new shape never meets old bytes. */
  readonly version?: string | number;
  /** Of L2's breaker. */
  readonly breaker?: BreakerOptions;
  /** Told of every failure that no caller was told of. What it throws is swallowed. */
  readonly onError?: (failure: TierFailure) => void;
  readonly observers?: readonly Observer[];
  readonly tracer?: Tracer;
  /** Time; a fake in tests. */
  readonly clock?: Clock;
  /** Chance; seeded in tests. */
  readonly random?: Random;
}

const KNOWN_OPTIONS = new Set<string>([
  'name',
  'l1',
  'l2',
  'bus',
  'defaults',
  'maxLag',
  'version',
  'breaker',
  'onError',
  'observers',
  'tracer',
  'clock',
  'random',
] satisfies (keyof CacheOptions)[]);

const DEFAULT_MAX_LAG_MS = 1_500;
const SMALLEST_MAX_LAG_MS = 150;

/**
 * Makes a cache.
 * @example
 * const cache = createCache({ name: 'catalog', l1: lru(), ...redis('redis://localhost') });
 * @throws {@link InvalidOptionError} naming the option that cannot be used. Never because a server is away: the cache
 *   works from the first call on and takes L2 into use when it is there.
 */
export function createCache(options: CacheOptions): TieredCache {
  assertOptions(options);
  const { l1, l2, bus, clock = systemClock, random = systemRandom } = options;
  const maxLagMs = options.maxLag === undefined ? DEFAULT_MAX_LAG_MS : toMs(options.maxLag, 'maxLag');
  if (!(maxLagMs >= SMALLEST_MAX_LAG_MS && Number.isFinite(maxLagMs))) {
    throw new InvalidOptionError('maxLag', options.maxLag, `at least ${SMALLEST_MAX_LAG_MS} ms, and finite`);
  }
  const defaults = resolveOptions(options.defaults);
  const counters = new Counters();
  const observers = new Set(options.observers);
  const emit = emitter(counters, observers, options.onError);
  const breaker = new CircuitBreaker(
    clock,
    random,
    (from, to) => emit({ type: 'breaker_transition', tier: 'l2', from, to }),
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
    remote: l2 && new Remote(l2, breaker, clock, emit, maxLagMs),
    hasBus: bus !== undefined,
    proof: new Proof(bus === undefined ? Infinity : maxLagMs),
    tags: new TagRegistry(),
    flights: new Flights(clock),
    pending: new PendingInvalidations(),
    recent: new RecentInvalidations(() => clock.now()),
    counters,
    background: new BackgroundTasks((error) =>
      emit({ type: 'tier_failure', error, operation: 'background', tier: 'l2', background: true }),
    ),
    emit,
    tracer: options.tracer ?? noTracer,
  };
  const heart = parts.remote && new Heart(parts, parts.remote, bus, defaults.l2TimeoutMs);
  const cache = new TieredCache(parts, defaults, heart, observers, lifecycleOf(parts, heart));
  if (l2 !== undefined && bus === undefined) emit({ type: 'no_bus' });
  heart?.start();
  return cache;
}

function assertOptions(options: CacheOptions): void {
  for (const [name, given] of Object.entries(options)) {
    if (!KNOWN_OPTIONS.has(name)) throw new InvalidOptionError(name, given, `one of ${[...KNOWN_OPTIONS].join(', ')}`);
  }
  if (options.l1 === undefined)
    throw new InvalidOptionError('l1', options.l1, 'a local tier, such as lru() of tiercel/lru');
  if (options.bus !== undefined && options.l2 === undefined)
    throw new InvalidOptionError('bus', options.bus, 'given together with l2');
  if (options.name !== undefined) assertKey(options.name, 'namespace');
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
      counters.tierErrors += 1;
      const { error, operation, tier, key, background } = event;
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
    await parts.flights.drain();
    stopWaiting();
    await parts.background.drain();
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
