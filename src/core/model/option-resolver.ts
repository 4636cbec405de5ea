import type { KnownNames } from './arguments.ts';
import {
  READ_NAMES,
  type ReadOptions,
  type ResolvedOptions,
  resolveOptions,
  WRITE_NAMES,
  type WriteOptions,
} from './options.ts';

type AnyOptions = ReadOptions<never> & WriteOptions<never>;

interface Resolution {
  /** A copy of the options at the moment they were resolved. */
  readonly given: AnyOptions;
  readonly resolved: ResolvedOptions;
}

/**
 * Resolves options once for each object that holds them. A call site with constant options passes the same object again
 * and is spared the checks. An object that has changed since is resolved anew.
 */
export class OptionResolver {
  readonly defaults: ResolvedOptions;
  readonly #names: KnownNames;
  readonly #known = new WeakMap<AnyOptions, Resolution | typeof SEEN_ONCE>();

  /** @param names The options that the calls of this resolver have. */
  constructor(defaults: ResolvedOptions, names: KnownNames = READ_NAMES) {
    this.defaults = defaults;
    this.#names = names;
  }

  /**
   * Returns the resolved form of a call's options; the defaults when there are none.
   * @throws {@link InvalidOptionError} naming the option and the value that cannot be used.
   */
  resolve(options: AnyOptions | undefined): ResolvedOptions {
    if (options === undefined) return this.defaults;
    const known = this.#known.get(options);
    if (typeof known === 'object' && isUnchanged(options, known.given)) return known.resolved;
    const resolved = resolveOptions(options, this.defaults, this.#names);
    this.#known.set(options, known === undefined ? SEEN_ONCE : { given: copyOf(options), resolved });
    return resolved;
  }
}

/** One cache's resolvers. Reads and writes have different options. */
export class OptionResolvers {
  readonly defaults: ResolvedOptions;
  readonly reads: OptionResolver;
  readonly writes: OptionResolver;

  constructor(defaults: ResolvedOptions) {
    this.defaults = defaults;
    this.reads = new OptionResolver(defaults, READ_NAMES);
    this.writes = new OptionResolver(defaults, WRITE_NAMES);
  }
}

/** Marks an object of options that has come once. Most of those never come again, so no copy is made for them. */
const SEEN_ONCE = 'seen once';

function copyOf(options: AnyOptions): AnyOptions {
  const { tags, refreshAhead } = options;
  return {
    ...options,
    ...(Array.isArray(tags) && { tags: [...tags] }),
    // Its members could change unseen. A copy is another object, so it never counts as unchanged.
    ...(typeof refreshAhead === 'object' && { refreshAhead: { ...refreshAhead } }),
  };
}

function isUnchanged(now: AnyOptions, then: AnyOptions): boolean {
  return (
    now.ttl === then.ttl &&
    now.l1Ttl === then.l1Ttl &&
    now.negativeTtl === then.negativeTtl &&
    now.staleWhileRevalidate === then.staleWhileRevalidate &&
    now.staleIfError === then.staleIfError &&
    now.refreshAhead === then.refreshAhead &&
    now.jitter === then.jitter &&
    now.softTimeout === then.softTimeout &&
    now.hardTimeout === then.hardTimeout &&
    now.leaseWait === then.leaseWait &&
    now.l2Timeout === then.l2Timeout &&
    now.lease === then.lease &&
    now.tenant === then.tenant &&
    now.forceFresh === then.forceFresh &&
    now.signal === then.signal &&
    now.version === then.version &&
    areSame(now.tags, then.tags) &&
    countOf(now) === countOf(then)
  );
}

/** Counts the names of an object. A greater count shows a name that was added since, which `resolveOptions` refuses. */
function countOf(options: AnyOptions): number {
  let count = 0;
  for (const _ in options) count += 1;
  return count;
}

function areSame(now: AnyOptions['tags'], then: AnyOptions['tags']): boolean {
  if (!Array.isArray(now) || !Array.isArray(then)) return now === then;
  if (now.length !== then.length) return false;
  for (let index = 0; index < now.length; index += 1) if (now[index] !== then[index]) return false;
  return true;
}
