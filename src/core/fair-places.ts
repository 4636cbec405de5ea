/** Places that are shared out evenly among tenants, for what is no load of a cache: changes of the source, for one. */
export { LoadLimit as FairPlaces } from './tiers/load-limit.ts';
