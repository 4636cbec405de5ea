/**
 * Seeds at which the simulator begins to look for a weakening that the first few do not show. A seed that has become wrong
 * costs time alone: the search goes on from there. `bun run simulate --weakening NAME` tells the first that shows it.
 */
export const FIRST_SEEDS: Readonly<Record<string, number>> = {
  'a first heartbeat after an outage that clears nothing': 24,
  'a history that is believed however long ago it was confirmed': 63,
  'a late tag of which every invalidation counts as heard': 410,
  'a load that began before the reply that granted its lease': 41,
  'a message before the records are gone': 238,
  'a refresh that stores over whatever value is there by now': 345,
  'a row that counts as delivered because L2 had acknowledged its order before it was committed': 67,
  'an age that counts from the end of the load': 28,
  'an invalidation that is acknowledged under any generation': 63,
  'an invalidation without a change of a row that is not written down': 147,
  'an order that only L2 has acknowledged is forgotten': 59,
  'flights that do not supersede each other': 463,
  'flights that are told only of tags that are news to their process': 410,
  'gaps in the numbers that an instance ignores': 63,
  'no heartbeat: L1 answers without proof': 61,
  'pending invalidations that do not stand in for L2': 87,
  'readers that join a flight of any age while nothing is proven': 76,
  'a tag that is put back although an invalidation has passed': 22,
  'no lease: a fill that stores whatever the record is by now': 90,
  'tags that are read when the load is over': 143,
};
