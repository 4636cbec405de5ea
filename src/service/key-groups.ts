import { declaredGroup } from '../resources/declared-group.ts';
import type { Resource } from '../resources/resource.ts';

/** Returns the group under which a key or a tag is counted. */
export type GroupOf = (name: string) => string;

const OTHER = 'other';

/**
 * Groups keys and tags by the declarations of the resources. A name belongs to the longest group that it equals or begins
 * with. Another name may be a client's text, and belongs to `other`.
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

/** Returns the tags of a resource that depend on no value, for some ids. */
function tagsOf({ tags, feeds }: Resource): readonly string[] {
  const anyId: Readonly<Record<string, number>> = new Proxy({}, { get: () => 1 });
  return [...tags(anyId), ...feeds.flatMap(({ all }) => all)];
}
