import { join } from 'node:path';
import type { Contender } from './peer.ts';

/** The exports of `bench/peers/index.ts`. */
interface Peers {
  /** Every other cache in every configuration. */
  readonly contenders: readonly Contender[];
  /** Peers with an expert's settings that only an outage shows. */
  readonly tuned: readonly Contender[];
}

/**
 * Loads the peers. Their packages are installed apart from Tiercel's own, in `bench/peers/`. Types and resolution end
 * here, so that the project can be checked without them.
 *
 * @throws Error when they are not installed.
 */
const load = (): Promise<Peers> => import(join(import.meta.dir, '../peers/index.ts'));

/** Every other cache in every configuration that is measured. */
export const peers = async (): Promise<readonly Contender[]> => (await load()).contenders;

/** Returns the peers that only an outage tells apart. */
export const tunedPeers = async (): Promise<readonly Contender[]> => (await load()).tuned;
