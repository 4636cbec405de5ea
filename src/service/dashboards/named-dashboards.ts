import { prefixes, tags } from '../../catalog/resources/names.ts';
import type { Targets } from '../../core/model/invalidation.ts';
import { ROOT_TAG } from '../../core/model/key.ts';

/** Beyond, naming all of them is cheaper. */
const MOST_KEYS = 1_000;

const ORG = /^[1-9][0-9]{0,15}$/;

/** The dashboards that invalidations have named: some by their keys, or all of them. Bounded. */
export class NamedDashboards {
  readonly #keys = new Set<string>();
  #all = false;

  get isEmpty(): boolean {
    return !this.#all && this.#keys.size === 0;
  }

  /** How to name them again: each by its key, or all by their tag. */
  get targets(): { readonly keys: readonly string[]; readonly tags: readonly string[] } {
    return { keys: [...this.#keys], tags: this.#all ? [tags.dashboards] : [] };
  }

  /**
   * Takes in the dashboards that an invalidation names.
   * @returns whether there are any.
   */
  addNamed({ ids, tags: labels, pattern }: Targets): boolean {
    const named = [
      ...ids.filter((id) => orgOf(prefixes.dashboard, id) !== undefined),
      ...labels.flatMap((label) => orgOf(prefixes.org, label) ?? []).map((org) => prefixes.dashboard + org),
    ];
    // What a pattern matches is known to nobody here; the outbox takes it for everything as well.
    const all = labels.includes(tags.dashboards) || labels.includes(ROOT_TAG) || pattern?.namespace === '';
    this.#add(named, all);
    return all || named.length > 0;
  }

  /** Takes in those that another holds. */
  addAll(other: NamedDashboards): void {
    this.#add(other.#keys, other.#all);
  }

  #add(keys: Iterable<string>, all: boolean): void {
    for (const key of keys) this.#keys.add(key);
    this.#all ||= all || this.#keys.size > MOST_KEYS;
    if (this.#all) this.#keys.clear();
  }
}

/** The org's id, if that is what follows the prefix. */
function orgOf(prefix: string, name: string): string | undefined {
  const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return ORG.test(rest) ? rest : undefined;
}
