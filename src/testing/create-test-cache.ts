import { MemoryServer, memoryLocalTier } from '../adapters/memory/index.ts';
import { assertLocalTier, assertOptions, type CacheOptions, KNOWN_OPTIONS } from '../core/cache-options.ts';
import { assembleCache, type FormOf } from '../core/create-cache.ts';
import { assertArray, assertFunction, assertNames, knownNames } from '../core/model/arguments.ts';
import { DEFAULT_NAME } from '../core/model/cache-name.ts';
import { InvalidOptionError, type TierFailure } from '../core/model/errors.ts';
import type { CacheEvent } from '../core/model/events.ts';
import type { Form } from '../core/model/json-types.ts';
import type { ValueCodec } from '../core/ports/codec.ts';
import type { LocalTier } from '../core/ports/local-tier.ts';
import type { TieredCache } from '../core/tiered-cache.ts';
import { ChaosBus } from './chaos/bus.ts';
import { type ChaosLoader, chaosLoader } from './chaos/loader.ts';
import { ChaosLocalTier } from './chaos/local-tier.ts';
import { type ChaosRemoteTier, chaosRemoteTier } from './chaos/remote-tier.ts';
import { SeededRandom } from './seeded-random.ts';
import { TestClock } from './test-clock.ts';

/** Options of {@link createTestCache}: those of any cache, except the parts that a test cache brings itself. */
export interface TestCacheOptions<Freeze extends boolean = boolean>
  extends Omit<CacheOptions<Freeze>, 'l1' | 'l2' | 'bus' | 'clock' | 'random'> {
  /** The tiers of the cache. Default: all. */
  readonly tiers?: 'l1' | 'l1+l2' | 'l1+l2+bus';
  /** The store of L1. Default: a map without limits. Give `lru({ maxEntries: 10 })` to see evictions. */
  readonly l1?: LocalTier;
  /** The seed of everything that is drawn: one seed gives one course of events. Default 1. */
  readonly seed?: number;
}

/** A cache over tiers in memory, with everything by which a test controls and observes it. */
export interface TestCache<F extends Form = 'frozen'> extends AsyncDisposable {
  readonly cache: TieredCache<F>;
  /** The clock of this cache and of all that joined it. It moves only when the test moves it. */
  readonly clock: TestClock;
  /** This instance's L1. */
  readonly l1: ChaosLocalTier;
  /** This instance's connection to the server. */
  readonly l2: ChaosRemoteTier;
  /** This instance's subscription. */
  readonly bus: ChaosBus;
  /**
   * The server behind L2 and bus, which all instances of this name share: `stop()`, `restart({ keepData })`, `flush()`,
   * `full`.
   */
  readonly server: MemoryServer;
  /** The events of the cache, in their order. A test may empty the list: `events.length = 0`. */
  readonly events: CacheEvent[];
  /** The failures that `onError` got. */
  readonly failures: TierFailure[];
  /** Makes a loader, or a function that a loader calls, with faults in this test's time; see {@link chaosLoader}. */
  loader<Given extends unknown[], V>(load: (...given: Given) => V | Promise<V>): ChaosLoader<Given, V>;
  /**
   * Makes another instance over the same server and clock, like another process of the fleet. An instance of another
   * `name` is another cache, with a server of its own.
   * @param options The options that differ from those of this instance.
   */
  join(options?: Omit<TestCacheOptions, 'seed' | 'freeze' | 'codec'>): TestCache<F>;
  /**
   * Heals everything and closes the cache, and those that joined it. To close one while a call hangs, move time:
   * `clock.settle(cache.close())`. A test that does neither leaves nothing behind.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

const BRINGS_IT = 'a test cache brings its own';

const TIERS: readonly unknown[] = ['l1', 'l1+l2', 'l1+l2+bus'] satisfies TestCacheOptions['tiers'][];

const BROUGHT = ['l2', 'bus', 'clock', 'random'];

const HINTS = Object.fromEntries(BROUGHT.map((name) => [name, BRINGS_IT]));

const KNOWN_TO_JOIN = knownNames([...[...KNOWN_OPTIONS.names].filter((name) => !BROUGHT.includes(name)), 'tiers'], {
  ...HINTS,
  seed: 'it is an option of createTestCache, for all that join',
});

const KNOWN = knownNames([...KNOWN_TO_JOIN.names, 'seed'], HINTS);

/**
 * Makes a cache for tests of the code that uses it. All tiers are in memory, the test controls time and chance, and
 * faults come on demand. The cache works at once. Nothing in it sleeps, needs a server, or keeps a process alive. TTLs
 * have no `jitter` unless the options give one.
 *
 * @example
 * ```ts
 * import { createTestCache } from 'tiercel/testing';
 *
 * const { cache, clock, l2, loader } = createTestCache({ defaults: { ttl: '1m', staleIfError: '1h' } });
 * const load = loader(() => 'v1');
 * await cache.getOrSet('a', load);
 * await clock.advance('61s');
 * load.fail(new Error('database is away'));
 * await cache.getOrSet('a', load); // 'v1', stale
 * l2.hang();
 * await clock.settle(cache.getOrSet('b', () => 'v2')); // 'v2', once the time budget of L2 is used up
 * ```
 * @throws {@link InvalidOptionError} naming the option.
 */
export function createTestCache(options: TestCacheOptions & { readonly codec: ValueCodec }): TestCache<'decoded'>;
export function createTestCache<Freeze extends boolean = true>(
  options?: TestCacheOptions<Freeze>,
): TestCache<FormOf<Freeze>>;
export function createTestCache(options: TestCacheOptions = {}): TestCache<Form> {
  assertNames('options', options, KNOWN);
  const { seed = 1, ...rest } = options;
  if (!Number.isSafeInteger(seed)) throw new InvalidOptionError('seed', seed, 'a safe integer');
  return new Fleet(seed).join(rest);
}

/** Holds the parts that the instances of one test share. */
class Fleet {
  readonly #clock = new TestClock();
  readonly #random: SeededRandom;
  /** Holds one server for each name, since caches of different names never see each other's entries. */
  readonly #servers = new Map<string, MemoryServer>();
  readonly #members: TestCache<Form>[] = [];
  /** An instance is connected before the test can call it, so that the connection is no part of the test. */
  #isConnecting = false;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  #serverOf(name: string): MemoryServer {
    const known = this.#servers.get(name);
    if (known !== undefined) return known;
    const deliver = (run: () => void): void => (this.#isConnecting ? run() : queueMicrotask(run));
    const server = new MemoryServer({ clock: this.#clock, deliver });
    this.#servers.set(name, server);
    return server;
  }

  join<F extends Form>(options: Omit<TestCacheOptions, 'seed'>): TestCache<F> {
    assertNames('options', options, KNOWN_TO_JOIN);
    const { tiers = 'l1+l2+bus', l1: given = memoryLocalTier(), observers = [], onError, defaults, ...rest } = options;
    assertLocalTier(given);
    if (!TIERS.includes(tiers)) throw new InvalidOptionError('tiers', tiers, TIERS.join(' or '));
    assertArray('observers', observers, 'an array of functions');
    assertFunction('onError', onError, 'a function of a failure');
    const clock = this.#clock;
    const { name = DEFAULT_NAME } = rest;
    const server = this.#serverOf(name);
    const instance = `instance-${this.#members.length + 1}`;
    const chaos = { clock, random: this.#random.fork() };
    const l1 = new ChaosLocalTier(given, chaos);
    const l2 = chaosRemoteTier(server.remoteTier(`${instance}.l2`), chaos);
    const bus = new ChaosBus(server.bus(`${instance}.bus`), chaos);
    const events: CacheEvent[] = [];
    const failures: TierFailure[] = [];
    const cache = this.#connected<F>({
      ...rest,
      defaults: { jitter: 0, ...defaults },
      l1,
      ...(tiers !== 'l1' && { l2 }),
      ...(tiers === 'l1+l2+bus' && { bus }),
      clock,
      random: this.#random.fork(),
      observers: [(event) => events.push(event), ...observers],
      onError(failure) {
        failures.push(failure);
        onError?.(failure);
      },
    });
    const member: TestCache<F> = {
      ...{ cache, clock, l1, l2, bus, server, events, failures },
      loader: (load) => chaosLoader(load, chaos),
      // A store belongs to one process, so an instance that joins gets its own.
      join: (other) => this.join<F>({ ...options, l1: memoryLocalTier(), ...other }),
      [Symbol.asyncDispose]: () => this.#end(),
    };
    this.#members.push(member);
    return member;
  }

  #connected<F extends Form>(options: CacheOptions): TieredCache<F> {
    this.#isConnecting = true;
    try {
      assertOptions(options);
      return assembleCache(options);
    } finally {
      this.#isConnecting = false;
    }
  }

  async #end(): Promise<void> {
    for (const { l1, l2, bus } of this.#members) for (const tier of [l1, l2, bus]) tier.heal();
    await this.#clock.settle(Promise.all(this.#members.map(({ cache }) => cache.close())));
  }
}
