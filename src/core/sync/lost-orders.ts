import { InvalidationLostError, type LostInvalidations } from '../model/errors.ts';
import { namesEverything, type Targets } from '../model/invalidation.ts';
import { fromId, namespaceNames } from '../model/key.ts';
import type { CacheContext } from '../state/context.ts';

/** Names of one kind that the error lists. */
const MOST_LISTED = 100;

/** Names that its message spells out, and characters of each. */
const MOST_SPELLED = 10;
const LONGEST_SPELLED = 80;

/** Says if the outbox holds all that is pending, so that the relay of another process delivers it. */
export function isKeptByOutbox({ recorder }: CacheContext): boolean {
  return recorder !== undefined && !recorder.summary().outbox;
}

/** Tells of the invalidations that neither L2 nor the outbox has taken before the close of this cache. */
export function tellLostOrders(context: CacheContext): void {
  const lost = context.pending.waiting().map(({ targets }) => targets);
  if (lost.length === 0 || isKeptByOutbox(context)) return;
  const error = new InvalidationLostError(...describe(lost));
  context.emit({ type: 'tier_failure', error, operation: 'close', tier: 'l2', background: true });
}

function describe(lost: readonly Targets[]): [LostInvalidations, string] {
  const named = lost.filter((targets) => !namesEverything(targets)).flatMap(({ tags }) => tags.map(fromId));
  const keys = lost.flatMap(({ ids }) => ids.map((id) => written(fromId(id))));
  const tags = named.filter(({ key }) => key !== '').map(written);
  // The tag of a namespace has no name: it stands for all keys in there.
  const namespaces = named.filter(({ key }) => key === '').map(({ namespace }) => written({ namespace, key: '*' }));
  const globs = lost.flatMap(({ pattern }) => pattern ?? []);
  const patterns = [...globs.map(({ namespace, glob }) => written({ namespace, key: glob })), ...namespaces];
  const all = lost.some(namesEverything);
  const spelling = [
    ...(all ? ['everything'] : []),
    ...spelled('key', keys),
    ...spelled('tag', tags),
    ...spelled('pattern', patterns),
  ];
  const listed = {
    keys: keys.slice(0, MOST_LISTED),
    tags: tags.slice(0, MOST_LISTED),
    patterns: patterns.slice(0, MOST_LISTED),
  };
  return [{ count: lost.length, ...listed, all }, spelling.join('; ')];
}

function spelled(kind: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const some = names.slice(0, MOST_SPELLED).map(printable).join(', ');
  const more = names.length > MOST_SPELLED ? ` and ${names.length - MOST_SPELLED} more` : '';
  return [`${names.length === 1 ? kind : `${kind}s`} ${some}${more}`];
}

function printable(name: string): string {
  const text = JSON.stringify(name);
  return text.length > LONGEST_SPELLED ? `${text.slice(0, LONGEST_SPELLED - 2)}…"` : text;
}

function written({ namespace, key }: { readonly namespace: string; readonly key: string }): string {
  return [...namespaceNames(namespace), key].join('/');
}
