import type { Contender } from './peer.ts';
import { peers, tunedPeers } from './peers.ts';
import { tiercel } from './tiercel.ts';

/** Tiercel and one configuration of each peer: what a benchmark of several tiers compares. */
export async function contenders(): Promise<readonly Contender[]> {
  // How L1 hands its objects out makes no difference where the way is to Redis and back.
  return [tiercel, ...(await peers()).filter(({ name }) => !name.includes('('))];
}

/** By name, as a worker is told it. @throws Error when there is none. */
export async function contenderNamed(name: string | undefined): Promise<Contender> {
  const found = [...(await contenders()), ...(await tunedPeers())].find((one) => one.name === name);
  if (found === undefined) throw new Error(`nobody is named ${name}`);
  return found;
}
