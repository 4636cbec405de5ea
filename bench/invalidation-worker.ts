/** Runs the process whose L1 `invalidation.ts` watches: `<contender> <url of Redis> <namespace>`. */
import { Redis } from 'ioredis';
import { contenderNamed } from './support/contenders.ts';
import { serve, sharedNow } from './support/worker.ts';

const [name, url = '', namespace = ''] = process.argv.slice(2);
const contender = await contenderNamed(name);
const source = new Redis(url);
const { read } = await contender.open({
  tiers: 'both',
  url,
  namespace,
  load: async (key) => Number(await source.get(`${namespace}:source:${key}`)),
});

/** A value counts as one of L1 after this many unchanged reads. */
const READS_TO_WARM = 3;

/** Gives everything that is due, sockets included, its turn. */
const breathe = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

serve({
  /** Reads until L1 holds the key. */
  async warm(key) {
    for (let count = 0; count < READS_TO_WARM; count += 1) await read(String(key));
  },
  /** @returns the beginning of the first read that did not return the old value. */
  async watch(argument) {
    const { key, old, until } = argument as { key: string; old: number; until: number };
    for (;;) {
      const at = sharedNow();
      if ((await read(key)) !== old) return at;
      if (at > until) throw new Error(`${name} still answers the old value`);
      await breathe();
    }
  },
});
