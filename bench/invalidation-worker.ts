/** The process whose L1 is watched in `invalidation.ts`: `<contender> <url of Redis> <namespace>`. */
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

/** How often a value must come back unchanged before it is taken for one of L1. */
const READS_TO_WARM = 3;

/** Everything that is due, sockets among it, has its turn. */
const breathe = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

serve({
  /** Reads until L1 holds it. */
  async warm(key) {
    for (let count = 0; count < READS_TO_WARM; count += 1) await read(String(key));
  },
  /** @returns when the first read began that was not answered with the old value. */
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
