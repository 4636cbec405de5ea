import { join } from 'node:path';
import type { Contender } from './peer.ts';

/** What `bench/peers/index.ts` exports. */
interface Peers {
  /** Every other cache in every configuration. */
  readonly contenders: readonly Contender[];
  /** With settings of an expert that only an outage shows. */
  readonly tuned: readonly Contender[];
}

/**
 * Their packages are installed apart from Tiercel's own, in `bench/peers/`: types and resolution end here, so that the
 * project can be checked without them.
 *
 * @throws Error when they are not installed.
 */
const load = (): Promise<Peers> => import(join(import.meta.dir, '../peers/index.ts'));

/** Every other cache in every configuration that is measured. */
export const peers = async (): Promise<readonly Contender[]> => (await load()).contenders;

/** Those that are only worth seeing in an outage. */
export const tunedPeers = async (): Promise<readonly Contender[]> => (await load()).tuned;
