import { assertFunction, assertNames, knownNames } from '../model/arguments.ts';
import { InvalidOptionError } from '../model/errors.ts';
import { abortSignal, type Loader, READ_NAMES, type ReadOptions } from '../model/options.ts';

/** A key that is worth having before somebody asks for it. */
export interface WarmItem<V = unknown> {
  readonly key: string;
  readonly loader: Loader<V>;
  /** As for a read of this key: what is stored here is what readers will find. A warm-up waits longer than `softTimeout`. */
  readonly options?: Omit<ReadOptions<V>, 'signal' | 'forceFresh'>;
}

/** How far a warm-up is. */
export interface WarmProgress {
  /** Keys dealt with: those of the other three together. */
  readonly done: number;
  /** Found fresh in L1 or L2 (in L1 they are now), or loaded meanwhile by somebody else. */
  readonly fresh: number;
  /** Loaded here. */
  readonly loaded: number;
  /** Could not be loaded. */
  readonly failed: number;
}

/** What came of a warm-up. */
export interface WarmResult extends WarmProgress {
  /** Whether it ended before its last key: by its signal, or because the cache was closed. */
  readonly aborted: boolean;
  /** Why a key could not be loaded, of the last one that failed; of those that go on serving an old value nothing is told. */
  readonly error?: unknown;
}

/** Options of a warm-up. */
export interface WarmOptions {
  /** Keys at once. A whole number from 1 to 64, default 4: low enough that readers do not notice. */
  readonly concurrency?: number;
  /** Ends it. Loads that nobody else waits for end too. */
  readonly signal?: AbortSignal;
  /** Told after each key; what it throws is swallowed. */
  readonly onProgress?: (progress: WarmProgress) => void;
}

/** {@link WarmOptions}, checked, with every default filled in. */
export interface ResolvedWarmOptions extends WarmOptions {
  readonly concurrency: number;
}

const DEFAULT_CONCURRENCY = 4;

const MAX_CONCURRENCY = 64;

const KNOWN = knownNames(['concurrency', 'signal', 'onProgress'] satisfies (keyof WarmOptions)[]);

const ITEM_NAMES = knownNames(['key', 'loader', 'options'] satisfies (keyof WarmItem)[]);

const ITEM_OPTIONS = knownNames(
  [...READ_NAMES.names].filter((name) => name !== 'signal' && name !== 'forceFresh'),
  { signal: 'it is an option of the whole warm-up', forceFresh: 'a warm-up loads only what no tier holds fresh' },
);

/** @throws {@link InvalidOptionError} naming the option and the value that cannot be used. */
export function resolveWarmOptions(options: WarmOptions): ResolvedWarmOptions {
  assertNames('options', options, KNOWN);
  const { concurrency = DEFAULT_CONCURRENCY, signal, onProgress } = options;
  if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY))
    throw new InvalidOptionError('concurrency', concurrency, `a whole number from 1 to ${MAX_CONCURRENCY}`);
  assertFunction('onProgress', onProgress);
  return {
    concurrency,
    ...(signal !== undefined && { signal: abortSignal('signal', signal) }),
    ...(onProgress !== undefined && { onProgress }),
  };
}

/** @throws {@link InvalidOptionError} naming what of an item cannot be used. Key and loader are checked with the read. */
export function assertItem(item: { readonly options?: unknown }): void {
  assertNames('item', item, ITEM_NAMES);
  if (item.options !== undefined) assertNames('options', item.options, ITEM_OPTIONS);
}

/** @throws {@link InvalidOptionError} when there is no list. */
export function assertItems(items: unknown): void {
  const isList =
    typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items);
  if (!isList)
    throw new InvalidOptionError('items', items, 'an iterable or async iterable of { key, loader, options? }');
}
