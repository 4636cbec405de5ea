import { assertFunction, assertNames, knownNames } from '../model/arguments.ts';
import { InvalidOptionError } from '../model/errors.ts';
import { abortSignal, type Loader, READ_NAMES, type ReadOptions } from '../model/options.ts';

/** A key to load before the first reader asks for it. */
export interface WarmItem<V = unknown> {
  readonly key: string;
  readonly loader: Loader<V>;
  /**
   * Options of a read of this key. Give those of its readers, because they will find what is stored here. The warm-up
   * ignores `softTimeout`.
   */
  readonly options?: Omit<ReadOptions<V>, 'signal' | 'forceFresh'>;
}

/** The progress of a warm-up. */
export interface WarmProgress {
  /** Number of keys that are finished: the sum of the other three. */
  readonly done: number;
  /**
   * Number of keys that were fresh in L1 or L2, or that another caller or instance loaded meanwhile. All are in L1 now.
   */
  readonly fresh: number;
  /** Number of keys that the warm-up has loaded. */
  readonly loaded: number;
  /** Number of keys that could not be loaded. */
  readonly failed: number;
}

/** The result of a warm-up. */
export interface WarmResult extends WarmProgress {
  /** True when it ended before its last key, by its signal or because the cache was closed. */
  readonly aborted: boolean;
  /** The error of the last key that could not be loaded. A failed key that still serves a stale value leaves none. */
  readonly error?: unknown;
}

/** Options of a warm-up. */
export interface WarmOptions {
  /** Number of keys at once: a whole number from 1 to 64. Default 4, which is low enough that readers do not notice. */
  readonly concurrency?: number;
  /** Ends the warm-up. Loads without another caller end too. Default: none. */
  readonly signal?: AbortSignal;
  /** Called after each key. An error that it throws is swallowed. Default: none. */
  readonly onProgress?: (progress: WarmProgress) => void;
}

/** {@link WarmOptions}, checked, and with every default filled in. */
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

/**
 * Checks options and fills in defaults. @throws {@link InvalidOptionError} naming the option and its unusable value.
 */
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

/**
 * Checks the names of an item and its options. The read checks key and loader.
 * @throws {@link InvalidOptionError} naming the part that cannot be used.
 */
export function assertItem(item: { readonly options?: unknown }): void {
  assertNames('item', item, ITEM_NAMES);
  if (item.options !== undefined) assertNames('options', item.options, ITEM_OPTIONS);
}

/** @throws {@link InvalidOptionError} when the items are no list. */
export function assertItems(items: unknown): void {
  const isList =
    typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items);
  if (!isList)
    throw new InvalidOptionError('items', items, 'an iterable or async iterable of { key, loader, options? }');
}
