import type { Contender } from './peer.ts';
import { peers, tunedPeers } from './peers.ts';
import { tiercel } from './tiercel.ts';

/** Lists Tiercel and one configuration of each peer, for a benchmark of several tiers. */
export async function contenders(): Promise<readonly Contender[]> {
  // Over the way to Redis and back, the form in which L1 returns objects makes no difference.
  return [tiercel, ...(await peers()).filter(({ name }) => !name.includes('('))];
}

/**
 * Finds a contender by the name that a worker got.
 * @throws Error when there is none.
 */
export async function contenderNamed(name: string | undefined): Promise<Contender> {
  const found = [...(await contenders()), ...(await tunedPeers())].find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no contender named ${name}`);
  return found;
}
