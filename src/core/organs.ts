import type { Follower } from './follower.ts';
import type { Heart } from './heart.ts';
import type { Relay } from './relay.ts';
import type { Vitals } from './vitals.ts';

/** What runs in a cache by itself; each is there only where its tier is. */
export interface Organs {
  readonly heart: Heart | undefined;
  readonly relay: Relay | undefined;
  readonly follower: Follower | undefined;
  readonly vitals: Vitals | undefined;
}
