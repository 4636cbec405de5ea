import { prefixes, tags } from '../../catalog/names.ts';
import type { Targets } from '../../core/model/invalidation.ts';
import { ROOT_TAG } from '../../core/model/key.ts';

/** Beyond this number, one tag for all dashboards is cheaper than their keys. */
const MOST_KEYS = 1_000;

const ORG = /^[1-9][0-9]{0,15}$/;

/** Collects the dashboards that invalidations have named: some by their keys, or all of them. It is bounded. */
export class NamedDashboards {
  readonly #keys = new Set<string>();
  #all = false;

  get isEmpty(): boolean {
    return !this.#all && this.#keys.size === 0;
  }

  /** The names for a new invalidation: each dashboard by its key, or all by their tag. */
  get targets(): { readonly keys: readonly string[]; readonly tags: readonly string[] } {
    return { keys: [...this.#keys], tags: this.#all ? [tags.dashboards] : [] };
  }

  /**
   * Adds the dashboards that an invalidation names.
   * @returns true if it names any.
   */
  addNamed({ ids, tags: labels, pattern }: Targets): boolean {
    const named = [
      ...ids.filter((id) => orgOf(prefixes.dashboard, id) !== undefined),
      ...labels.flatMap((label) => orgOf(prefixes.org, label) ?? []).map((org) => prefixes.dashboard + org),
    ];
    // This process does not know the keys that a pattern matches, so a pattern counts as all. The outbox does the same.
    const all = labels.includes(tags.dashboards) || labels.includes(ROOT_TAG) || pattern?.namespace === '';
    this.#add(named, all);
    return all || named.length > 0;
  }

  /** Adds the dashboards of another collection. */
  addAll(other: NamedDashboards): void {
    this.#add(other.#keys, other.#all);
  }

  #add(keys: Iterable<string>, all: boolean): void {
    for (const key of keys) this.#keys.add(key);
    this.#all ||= all || this.#keys.size > MOST_KEYS;
    if (this.#all) this.#keys.clear();
  }
}

/** Returns the org's id, if the prefix is followed by one. */
function orgOf(prefix: string, name: string): string | undefined {
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return ORG.test(rest) ? rest : undefined;
}
