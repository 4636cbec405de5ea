/** Shares places evenly among tenants, for work that is no load of a cache, such as changes of the source. */
export { LoadLimit as FairPlaces } from './tiers/load-limit.ts';
