import { assertArray, assertNames, knownNames } from './model/arguments.ts';
import { InvalidationPendingError, InvalidOptionError } from './model/errors.ts';
import type { InvalidationMode, Targets } from './model/invalidation.ts';
import { assertKey, type EntryId, namespaceTag, toId } from './model/key.ts';
import type { CacheContext } from './state/context.ts';
import {
  type InvalidateOptions,
  type InvalidateRequest,
  type InvalidateResult,
  invalidate,
} from './write/invalidate.ts';

const REQUEST_NAMES = knownNames(['keys', 'tags', 'pattern', 'mode'] satisfies (keyof InvalidateRequest)[], {
  key: "write keys: ['…']",
  tag: "write tags: ['…']",
  onPending: 'it belongs into the second argument',
  outbox: 'it belongs into the second argument',
});

const OPTION_NAMES = knownNames(['onPending', 'outbox'] satisfies (keyof InvalidateOptions)[]);

/** Checks and carries out the invalidations that callers ask for in one namespace. */
export class InvalidationCalls {
  readonly #context: CacheContext;
  readonly #namespace: string;
  readonly #budgetMs: number;
  readonly #assertOpen: () => void;

  /** @param budgetMs Longest time that L2 may take for one invalidation, in milliseconds. */
  constructor(context: CacheContext, namespace: string, budgetMs: number, assertOpen: () => void) {
    this.#context = context;
    this.#namespace = namespace;
    this.#budgetMs = budgetMs;
    this.#assertOpen = assertOpen;
  }

  /**
   * Invalidates the keys, tags and pattern of a request. Returns the numbers of keys and tags.
   * @throws {@link InvalidationPendingError}, {@link InvalidKeyError}, {@link InvalidOptionError}.
   */
  async invalidate(request: InvalidateRequest, options: InvalidateOptions = {}): Promise<InvalidateResult> {
    assertOptions(options);
    const targets = this.#targetsOf(request);
    const { ids, tags, pattern } = targets;
    if (ids.length + tags.length === 0 && pattern === undefined) return { keys: 0, tags: 0 };
    const swept = await this.#carryOut(targets, request.mode ?? 'delete', options);
    return { keys: ids.length + swept, tags: tags.length };
  }

  /** Removes every entry of the namespace. */
  async clear(options: InvalidateOptions = {}): Promise<void> {
    assertOptions(options);
    await this.#carryOut({ ids: [], tags: [namespaceTag(this.#namespace)] }, 'delete', options);
  }

  /** Checks a request and returns its targets, each of them once. */
  #targetsOf(request: InvalidateRequest): Targets {
    assertNames('request', request, REQUEST_NAMES);
    const { keys, tags, pattern, mode } = request;
    if (keys === undefined && tags === undefined && pattern === undefined)
      throw new InvalidOptionError('request', request, 'one that names keys, tags or a pattern');
    if (mode !== undefined && mode !== 'delete' && mode !== 'expire')
      throw new InvalidOptionError('mode', mode, "'delete' or 'expire'");
    if (pattern !== undefined) assertKey(pattern, 'pattern');
    const named = { ids: this.#ids('keys', keys), tags: this.#ids('tags', tags) };
    return pattern === undefined ? named : { ...named, pattern: { namespace: this.#namespace, glob: pattern } };
  }

  #ids(option: 'keys' | 'tags', names: readonly string[] = []): EntryId[] {
    // Without this check a string would pass as a list of its letters.
    assertArray(option, names, 'an array of strings');
    for (const name of names) assertKey(name, option === 'keys' ? 'key' : 'tag');
    return [...new Set(names)].map((name) => toId(this.#namespace, name));
  }

  async #carryOut(targets: Targets, mode: InvalidationMode, options: InvalidateOptions): Promise<number> {
    this.#assertOpen();
    try {
      return await invalidate(this.#context, targets, mode, this.#budgetMs, options.outbox);
    } catch (error) {
      if (options.onPending === 'resolve' && error instanceof InvalidationPendingError) return 0;
      throw error;
    }
  }
}

function assertOptions(options: InvalidateOptions): void {
  assertNames('options', options, OPTION_NAMES);
  const { onPending, outbox } = options;
  if (onPending !== undefined && onPending !== 'reject' && onPending !== 'resolve')
    throw new InvalidOptionError('onPending', onPending, "'reject' or 'resolve'");
  if (outbox !== undefined && outbox !== false && typeof outbox !== 'string')
    throw new InvalidOptionError('outbox', outbox, 'a ticket of the outbox, or false');
}
