import { declaredGroup } from '../resources/declared-group.ts';
import type { Resource } from '../resources/resource.ts';

/** The group that a key or a tag is counted under. */
export type GroupOf = (name: string) => string;

const OTHER = 'other';

/**
 * Groups of keys and tags by what the resources declare: the longest group that a name is or begins with. A name that none
 * of them makes may be a client's text, and belongs to `other`.
 */
export function resourceGroups(resources: readonly Resource[]): GroupOf {
  const names = new Set(resources.flatMap((resource) => [resource.group, ...tagsOf(resource).map(declaredGroup)]));
  const longestFirst = [...names].sort((one, other) => other.length - one.length);
  const groups = longestFirst.map((group) => ({ group, prefix: `${group}:` }));
  return (name) => {
    for (const { group, prefix } of groups) if (name === group || name.startsWith(prefix)) return group;
    return OTHER;
  };
}

/** Tags that depend on no value, for some ids. */
function tagsOf({ tags, feeds }: Resource): readonly string[] {
  const anyId: Readonly<Record<string, number>> = new Proxy({}, { get: () => 1 });
  return [...tags(anyId), ...feeds.flatMap(({ all }) => all)];
}
