/** Runs one of the processes of `stampede.ts`: `<contender> <url of Redis> <namespace>`. */
import { Redis } from 'ioredis';
import { contenderNamed } from './support/contenders.ts';
import { fullestTiers } from './support/peer.ts';
import { serve, sharedNow } from './support/worker.ts';

const LOADER_MS = 50;

const [name, url = '', namespace = ''] = process.argv.slice(2);
const contender = await contenderNamed(name);
const counts = new Redis(url);
const load = async (key: string): Promise<unknown> => {
  await Promise.all([counts.incr(`${namespace}:loads:${key}`), Bun.sleep(LOADER_MS)]);
  return { key };
};
const { read } = await contender.open({ tiers: fullestTiers(contender), url, namespace, load });

serve({
  /** Returns the milliseconds until every caller has an answer. */
  async herd(argument) {
    const { key, callers, at } = argument as { key: string; callers: number; at: number };
    // All processes begin at the same moment, however long the message took to reach them.
    await Bun.sleep(Math.max(0, at - sharedNow()));
    const began = performance.now();
    const answers = await Promise.all(Array.from({ length: callers }, () => read(key)));
    if (!answers.every((answer) => Bun.deepEquals(answer, { key }))) throw new Error(`${name} answered something else`);
    return performance.now() - began;
  },
});
