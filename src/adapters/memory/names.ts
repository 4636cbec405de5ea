import type { EntryId } from '../../core/model/key.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';

export const BUS_CHANNEL = 'bus';
export const heartbeatChannel = (instance: string): string => `hb:${instance}`;

/** Format and version of the records that a cache reads and writes, without blanks, commas and slashes. */
export type Shape = string;

/** Largest number of shapes whose records may lie in one generation. An invalidation looks for each of them. */
export const MOST_SHAPES = 8;

export function shapeOf({ version, format }: CacheIdentity): Shape {
  return `${format}.${encodeURIComponent(version)}`;
}

/** Returns the key of a tag, which all versions and formats share. */
export function physicalKey(generation: string, id: EntryId): string {
  return `${generation} ${id}`;
}

/** Returns the key of an entry or a claim. */
export function recordKey(shape: Shape, generation: string, id: EntryId): string {
  return physicalKey(`${shape}/${generation}`, id);
}

/** Returns the generation in the key of a tag, an entry or a claim. */
export function generationIn(key: string): string {
  const end = key.indexOf(' ');
  return key.slice(key.lastIndexOf('/', end) + 1, end);
}
