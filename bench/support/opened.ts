import type { Contender, OpenCache, Opening, Tiers } from './peer.ts';
import type { Row } from './report.ts';

/** A cache that is open, under the name of its contender. */
export interface Opened extends OpenCache {
  readonly name: string;
}

/** The arguments with which contenders are opened. */
export interface Openings extends Pick<Opening, 'url' | 'load'> {
  readonly tiers: (one: Contender) => Tiers;
}

/** Opens each contender over the same Redis, in a namespace of its own. The owner closes them. */
export async function openAll(
  owner: AsyncDisposableStack,
  contenders: readonly Contender[],
  { tiers, url, load }: Openings,
): Promise<Opened[]> {
  const opened: Opened[] = [];
  for (const one of contenders) {
    const namespace = `bench-${crypto.randomUUID().slice(0, 8)}`;
    const cache = await one.open({ tiers: tiers(one), url, namespace, load });
    owner.defer(async () => void (await cache.close()));
    opened.push({ name: one.name, ...cache });
  }
  return opened;
}

/**
 * The loader of a benchmark of hits. Once all keys are filled every read should be a hit, and later loads are reported.
 */
export class Source {
  #isFilled = false;
  #loads = 0;
  readonly #valueFor: (key: string) => unknown;

  constructor(valueFor: (key: string) => unknown) {
    this.#valueFor = valueFor;
  }

  readonly load = async (key: string): Promise<unknown> => {
    if (this.#isFilled) this.#loads += 1;
    return this.#valueFor(key);
  };

  /** Reads every key by every cache. From then on nothing should be loaded. */
  async fill(caches: readonly Pick<OpenCache, 'read'>[], keys: readonly string[]): Promise<void> {
    for (const { read } of caches) for (const key of keys) await read(key);
    this.#isFilled = true;
  }

  /** Makes a row if something was loaded all the same, for example on a machine that is too busy to answer in time. */
  rows(circumstances: string): Row[] {
    if (this.#loads === 0) return [];
    const what = `${circumstances}: LOADS, where every read should have been a hit`;
    return [{ subject: 'all', case: what, figure: this.#loads, unit: '' }];
  }
}

/** Makes this many keys of one group. */
export const keysOf = (count: number, group = 'product'): string[] =>
  Array.from({ length: count }, (_, index) => `${group}:${index}`);
