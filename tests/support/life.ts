import { expect } from 'bun:test';
import type { CacheOptions } from '../../src/core/cache-options.ts';
import { COLLABORATORS } from '../../src/core/create-cache.ts';
import type { Clock } from '../../src/core/primitives/clock.ts';
import { type CacheView, isCacheError } from '../../src/index.ts';
import { Fleet, type FleetOptions } from './core-fixture.ts';
import { Sabotage, type Saboteur } from './sabotage.ts';
import { watch } from './watch.ts';

/** What the caches of a life have beside L1. */
export type Tiers = 'l2' | 'l2+outbox' | 'outbox';

const DEFAULTS = { ttl: 200, staleWhileRevalidate: '1m', staleIfError: '1m', lease: 300, hardTimeout: '5s' } as const;

/**
 * All that can happen to two caches, in which something of the first fails from a moment on. It asserts that every call
 * ends, that reads answer what is true, that nobody but the owner of user code hears of its fault, and that both caches close
 * with nothing left.
 */
export class Life {
  readonly #fleet: Fleet;
  readonly #saboteur: Saboteur;
  readonly #tiers: Tiers;
  /** Of each cache. */
  readonly #flights: { readonly size: number }[] = [];
  #version = 1;

  constructor(tiers: Tiers, saboteur: Saboteur, remake: (options: CacheOptions) => CacheOptions) {
    this.#tiers = tiers;
    this.#saboteur = saboteur;
    const { Flights } = COLLABORATORS;
    const made = this.#flights;
    const Counted = class<R> extends Flights<R> {
      constructor(clock: Clock) {
        super(clock);
        made.push(this);
      }
    };
    const options: FleetOptions = {
      instances: 2,
      tiers: tiers === 'outbox' ? 'l1' : 'l1+l2+bus',
      outbox: tiers !== 'l2',
      defaults: DEFAULTS,
      weakening: { collaborators: { Flights: Counted } },
      remake: (given, member) => (member === 0 ? remake(given) : given),
    };
    this.#fleet = new Fleet(options);
  }

  live(): void {
    const fleet = this.#fleet;
    for (const name of ['old:1', 'old:2', 'broken', 'more:1', 'aging']) this.#ends(this.#read(0, name));
    this.#saboteur.isArmed = true;

    this.#together();
    fleet.run(300);
    this.#refresh();
    this.#fail();
    this.#loadLong();
    if (this.#tiers !== 'outbox') this.#refreshLong();
    this.#write();
    this.#together();
    if (this.#tiers !== 'l2')
      fleet.database.commit({ ids: ['k:8'], tags: [] }, 'delete', undefined, fleet.database.draw());
    fleet.run(1_000);
    if (this.#tiers !== 'outbox') this.#lose();
    fleet.run(6_000);
    this.#write();
    fleet.run(1_000);
    // What has gone wrong at the first is nothing to the second.
    this.#version += 1;
    this.#ends(fleet.cache(1).clear());
    expect(this.#value(this.#read(1, 'last'))).toBe(`last ${this.#version}`);
    this.#close();
  }

  /** Many calls of one turn of the event loop, of both caches. */
  #together(): void {
    const calls: Promise<unknown>[] = [];
    for (const member of [0, 1]) {
      const cache = this.#fleet.cache(member);
      for (let index = 0; index < 10; index += 1)
        calls.push(this.#isTrue(this.#read(member, `k:${index}`), `k:${index}`));
      calls.push(this.#isTrue(this.#read(member, 'old:1'), 'old:1'));
      calls.push(this.#readMany(member, ['m:1', 'm:2', 'old:2']));
      calls.push(cache.get('old:1'), cache.getMany(['old:2', 'm:1']), cache.inspect('old:1'), cache.count('*'));
      calls.push(cache.lookup('l', this.#loaderOf(member, 'l'), { softTimeout: 10 }).catch(this.#expected(member)));
      calls.push(
        cache.warm([{ key: 'w', loader: this.#loaderOf(member, 'w') }], {
          onProgress: () => this.#hook(member, 'onProgress'),
        }),
      );
      cache.peek('k:1');
      cache.stats();
      cache.health();
    }
    for (const call of calls) this.#ends(call);
  }

  /** Values that are stale, here and in L2. */
  #refresh(): void {
    for (const member of [0, 1]) {
      this.#ends(this.#read(member, 'old:1'));
      this.#ends(this.#read(member, 'k:1'));
      this.#ends(this.#readMany(member, ['old:2', 'k:2']));
    }
    this.#fleet.run(300);
  }

  /** Loads that fail, with and without an old value. */
  #fail(): void {
    const down = (): never => {
      throw new Error('The source is down');
    };
    for (const key of ['broken', 'never']) {
      for (const member of [0, 1]) {
        const cache = this.#fleet.cache(member);
        const tags = ['some'];
        const calls = [cache.getOrSet(key, down), cache.getOrSet(`${key}:tagged`, down, { tags })];
        for (const call of calls) this.#ends(call.catch(() => undefined));
        this.#ends(cache.getOrSet(key, down, { forceFresh: true }).catch(() => undefined));
      }
      this.#fleet.run(300);
    }
  }

  /** A load that outlives its lease, and others who wait for it in both caches. */
  #loadLong(): void {
    const loaded = Promise.withResolvers<string>();
    const load = () => loaded.promise;
    const calls = [0, 0, 1].map((member) => watch(this.#fleet.cache(member).getOrSet('long', load)));
    this.#fleet.run(1_000);
    loaded.resolve('long');
    this.#fleet.run(100);
    expect(calls.map((call) => call.value())).toEqual(['long', 'long', 'long']);
  }

  /** A refresh that outlives its claim, and whose value is not stored, because its key is invalidated meanwhile. */
  #refreshLong(): void {
    const loaded = Promise.withResolvers<string>();
    const reading = watch(this.#fleet.cache(0).getOrSet('aging', () => loaded.promise));
    this.#fleet.run(500);
    this.#ends(this.#fleet.cache(1).delete('aging').catch(this.#expected(1)));
    this.#fleet.run(10);
    loaded.resolve('new');
    this.#fleet.run(100);
    expect(['aging 1', 'new']).toContain(String(reading.value()));
  }

  #write(): void {
    this.#version += 1;
    for (const member of [0, 1]) {
      const cache = this.#fleet.cache(member);
      const writes: Promise<unknown>[] = [
        cache.set('s', 'set', { tags: ['t'] }),
        cache.setMany([
          ['s:1', 1],
          ['s:2', 2],
        ]),
        cache.set('s:0', 'none', { ttl: 0 }),
        cache.getOrSet('s', () => 'set'),
        cache.delete('k:1'),
        cache.deleteMany(['k:2', 'm:1', 'm:2', 'l', 'w']),
        cache.expire('k:3'),
        cache.invalidate({ tags: ['t'] }),
        cache.invalidate({ pattern: 'k:*' }),
        cache.invalidate({ pattern: 'o*', mode: 'expire' }),
        (cache.namespace('n') satisfies CacheView).clear(),
        cache.clear(),
      ];
      for (const write of writes) this.#ends(write.catch(this.#expected(member)));
    }
    this.#fleet.run(20);
  }

  /** The server stands still, the bus is silent, and another history begins. */
  #lose(): void {
    const fleet = this.#fleet;
    const hung = [0, 1].map((member) => fleet.member(member).l2.hang());
    for (const member of [0, 1]) {
      this.#ends(this.#read(member, 'k:5'));
      this.#ends(fleet.cache(member).delete('k:5').catch(this.#expected(member)));
    }
    fleet.run(9_000);
    for (const fault of hung) fault.lift();
    fleet.run(3_000);
    const silent = fleet.hold('message', 'i0.bus');
    fleet.run(4_000);
    silent.open();
    fleet.run(1_000);
    this.#write();
    fleet.server.restart({ keepData: true });
    fleet.run(500);
    for (const member of [0, 1]) this.#ends(this.#read(member, 'k:6'));
    fleet.run(8_000);
  }

  #close(): void {
    const fleet = this.#fleet;
    for (const member of [0, 1]) this.#ends(fleet.cache(member).close());
    expect(this.#flights.map(({ size }) => size)).toEqual([0, 0]);
  }

  #read(member: number, key: string): Promise<unknown> {
    const tags = (): string[] => {
      this.#hook(member, 'tags');
      return [`tag of ${key}`];
    };
    const reading = this.#fleet.cache(member).getOrSet(key, this.#loaderOf(member, key), { tags });
    return reading.catch(this.#expected(member));
  }

  #readMany(member: number, keys: readonly string[]): Promise<unknown> {
    const loader = ({ keys: wanted }: { readonly keys: readonly string[] }) => {
      const failed = this.#hook(member, 'manyLoader');
      return failed ?? Promise.resolve(wanted.map((key) => [key, `${key} ${this.#version}`] as const));
    };
    return this.#fleet.cache(member).getOrSetMany(keys, loader).catch(this.#expected(member));
  }

  #loaderOf(member: number, key: string): () => Promise<string> {
    return () => this.#hook(member, 'loader', key === 'k:3') ?? Promise.resolve(`${key} ${this.#version}`);
  }

  /** Fails if this is the user code that does, which is that of the first cache. */
  #hook(member: number, name: string, isHere = true): Promise<never> | undefined {
    return member === 0 && isHere && this.#saboteur.hook === name ? this.#saboteur.strike() : undefined;
  }

  /** A read answers the row as it is; a caller whose own code has failed is told so. */
  async #isTrue(reading: Promise<unknown>, key: string): Promise<void> {
    const value = await reading;
    if (value !== undefined) expect(value).toBe(`${key} ${this.#version}`);
  }

  /** Swallows what a caller may be told; anything else is a failure of the test. */
  #expected(member: number): (error: unknown) => undefined {
    return (error) => {
      const isOwn = member === 0 && this.#saboteur.hook !== undefined && error instanceof Sabotage;
      if (isOwn || (isCacheError(error) && error.code === 'INVALIDATION_PENDING')) return undefined;
      throw error;
    };
  }

  /** In virtual time; throws what the call rejects with, or if it never settles. */
  #ends(call: Promise<unknown>): void {
    this.#fleet.settle(call);
  }

  #value(call: Promise<unknown>): unknown {
    return this.#fleet.settle(call);
  }
}
