/** The tiers that an answer can come from. */
export type TierName = 'l1' | 'l2' | 'source';

interface CacheErrorOptions {
  readonly key?: string | undefined;
  readonly tier?: TierName | undefined;
  readonly cause?: unknown;
}

/** Marks an error of Tiercel. It works with two copies of this package in one process, where `instanceof` does not. */
const BRAND = Symbol.for('tiercel.CacheError');

/**
 * Base class of every error that Tiercel itself throws. A loader's own error is never wrapped: it reaches the caller as
 * thrown. `code` is a literal in each subclass, for `switch`.
 */
export abstract class CacheError extends Error {
  abstract readonly code: string;
  readonly [BRAND] = true;
  /** The logical key concerned, where there is one. */
  readonly key?: string;
  /** The tier concerned, where there is one. */
  readonly tier?: TierName;

  constructor(message: string, options: CacheErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    if (options.key !== undefined) this.key = options.key;
    if (options.tier !== undefined) this.tier = options.tier;
  }
}

/** Returns true when Tiercel itself threw `error`, in any copy of the package. */
export function isCacheError(error: unknown): error is CacheError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/**
 * Reports an option or argument that cannot be used, or that does not exist. The message names it and the values that
 * it may have.
 */
export class InvalidOptionError extends CacheError {
  override readonly name = 'InvalidOptionError';
  readonly code = 'INVALID_OPTION';
  readonly option: string;
  constructor(
    option: string,
    given: unknown,
    expected: string,
    message = `Option ${option} must be ${expected}; got ${show(given)}`,
  ) {
    super(message);
    this.option = option;
  }

  /**
   * Makes the error for an option that does not exist.
   * @param advice Follows the name in the message.
   */
  static unknown(option: string, known: readonly string[], advice: string): InvalidOptionError {
    const list = known.join(', ');
    return new InvalidOptionError(option, undefined, list, `Option ${option} is unknown${advice} (known: ${list})`);
  }
}

/** Reports a key, tag, namespace or pattern that cannot be used. `key.ts` has the limits. */
export class InvalidKeyError extends CacheError {
  override readonly name = 'InvalidKeyError';
  readonly code = 'INVALID_KEY';
  constructor(what: 'key' | 'tag' | 'namespace' | 'pattern', given: unknown, problem: string) {
    super(`The ${what} ${show(given)} ${problem}`, typeof given === 'string' ? { key: given } : {});
  }
}

/**
 * Reports a value that L2 would not give back unchanged, or that is longer than L2 may hold. It was not stored in L2.
 */
export class InvalidValueError extends CacheError {
  override readonly name = 'InvalidValueError';
  readonly code = 'INVALID_VALUE';
  constructor(problem: string, options: CacheErrorOptions = {}) {
    super(
      options.key === undefined ? `The value ${problem}` : `The value of key ${show(options.key)} ${problem}`,
      options,
    );
  }
}

/**
 * Reports that the caller has waited for its `hardTimeout`. A load without any other waiting caller was aborted, and
 * its lease was released.
 */
export class LoadTimeoutError extends CacheError {
  override readonly name = 'LoadTimeoutError';
  readonly code = 'LOAD_TIMEOUT';
  constructor(key: string, timeoutMs: number) {
    super(`Loading key ${show(key)} took longer than its hardTimeout of ${timeoutMs} ms`, { key, tier: 'source' });
  }
}

/**
 * Reports a loader that asked the cache for a key whose load waits for that loader. The cache refused the call that
 * closed the ring.
 */
export class LoadCycleError extends CacheError {
  override readonly name = 'LoadCycleError';
  readonly code = 'LOAD_CYCLE';
  /** The keys of the ring. The loader of each waits for the next, and the loader of the last for the first. */
  readonly ring: readonly string[];
  constructor(key: string, ring: readonly string[]) {
    super(`Key ${show(key)} was not loaded: its loader waits for itself (${[...ring, key].map(show).join(' → ')})`, {
      key,
      tier: 'source',
    });
    this.ring = ring;
  }
}

/** Reports a load that the cache did not begin, to protect the source: too many loads were running. */
export class LoadShedError extends CacheError {
  override readonly name = 'LoadShedError';
  readonly code = 'LOAD_SHED';
  /** Milliseconds after which another try is sensible. */
  readonly retryAfterMs: number;
  constructor(key: string, limit: number, retryAfterMs: number) {
    super(`Key ${show(key)} was not loaded: ${limit} loads are already running`, { key, tier: 'source' });
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Reports a load that the cache did not begin because the breaker of the source is open. The source has just shown that
 * it cannot answer.
 */
export class BreakerOpenError extends CacheError {
  override readonly name = 'BreakerOpenError';
  readonly code = 'BREAKER_OPEN';
  /** Milliseconds until the source is tried again. */
  readonly retryAfterMs: number;
  constructor(key: string, retryAfterMs: number) {
    super(`Key ${show(key)} was not loaded: the breaker of the source is open`, { key, tier: 'source' });
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Returns true for the error of a load that the cache did not begin, to protect the source. The error says when another
 * try is sensible.
 */
export function isRefusal(error: unknown): error is LoadShedError | BreakerOpenError {
  return error instanceof LoadShedError || error instanceof BreakerOpenError;
}

/**
 * Reports bytes in L2 that are no envelope of this version, or are longer than `maxValueBytes`. Readers treat them as a
 * miss. The error only reaches `onError`.
 */
export class CodecError extends CacheError {
  override readonly name = 'CodecError';
  readonly code = 'CODEC';
  constructor(problem: string, options: CacheErrorOptions = {}) {
    super(`The stored bytes are no entry: ${problem}`, { tier: 'l2', ...options });
  }
}

/** Reports a call of a closed cache, which reads and writes nothing any more. */
export class CacheClosedError extends CacheError {
  override readonly name = 'CacheClosedError';
  readonly code = 'CACHE_CLOSED';
  constructor(cacheName: string) {
    super(`The cache ${show(cacheName)} is closed`);
  }
}

/** The invalidations that this instance has not yet delivered to L2 and to the outbox. */
export interface PendingSummary {
  readonly keys: number;
  readonly tags: number;
  readonly patterns: number;
  /** True when everything is to be invalidated. A caller ordered it, or the pending set was full. */
  readonly all: boolean;
  /** True when some of them must still reach the outbox. */
  readonly outbox: boolean;
}

/**
 * Reports an invalidation that took effect in this process and did not reach L2 or the outbox. The instance keeps the
 * order and repeats it until it is delivered. Until L2 acknowledges it, this instance does not read its keys from L2.
 *
 * An order that only the outbox lacks is in effect everywhere. It would be lost if Redis came back with older data
 * after this process had ended.
 */
export class InvalidationPendingError extends CacheError {
  override readonly name = 'InvalidationPendingError';
  readonly code = 'INVALIDATION_PENDING';
  /** All invalidations that this instance has not yet delivered, this order included. */
  readonly pending: PendingSummary;
  /** True when this order did not reach the outbox. */
  readonly outbox: boolean;
  /** @param owedTo The tiers that this order did not reach: `source` stands for the outbox. */
  constructor(pending: PendingSummary, cause?: unknown, owedTo: readonly ('l2' | 'source')[] = ['l2']) {
    const isOutboxAlone = !owedTo.includes('l2');
    super(
      isOutboxAlone
        ? 'The invalidation did not reach the outbox. It is queued and written when the database answers.'
        : 'The invalidation did not reach L2. It is queued and retried until L2 acknowledges it.',
      { tier: isOutboxAlone ? 'source' : 'l2', ...(cause === undefined ? {} : { cause }) },
    );
    this.pending = pending;
    this.outbox = owedTo.includes('source');
  }
}

/** The orders that an {@link InvalidationLostError} reports. */
export interface LostInvalidations {
  /** Number of calls of `delete`, `invalidate`, `expire`, `clear` or `set`. */
  readonly count: number;
  /**
   * Keys as their callers wrote them. A key of a namespace has the path of the namespace before it. At most a hundred.
   */
  readonly keys: readonly string[];
  /** Tags in the same form, at most a hundred. */
  readonly tags: readonly string[];
  /** Patterns in the same form, at most a hundred. */
  readonly patterns: readonly string[];
  /** True when everything was to be invalidated, or when there were too many names to keep. */
  readonly all: boolean;
}

/**
 * Reports invalidations that L2 had not acknowledged when the cache was closed. Other processes, and L2 itself, may
 * serve the old values until their TTL ends. The error only reaches `onError`.
 */
export class InvalidationLostError extends CacheError {
  override readonly name = 'InvalidationLostError';
  readonly code = 'INVALIDATION_LOST';
  readonly lost: LostInvalidations;
  constructor(lost: LostInvalidations, names: string) {
    const orders = lost.count === 1 ? 'one invalidation' : `${lost.count} invalidations`;
    super(
      `The cache was closed before L2 acknowledged ${orders}: ${names}. Other instances may serve these entries until their TTL ends`,
      { tier: 'l2' },
    );
    this.lost = lost;
  }
}

/** The report that `onError` receives. A failing tier never rejects a read or a fill: its error comes here instead. */
export interface TierFailure {
  readonly error: unknown;
  /** The step that failed, in the contract's words: `acquire`, `fill`, `invalidate`, `load`, … */
  readonly operation: string;
  readonly tier: TierName;
  /** The logical key, where the step had one. */
  readonly key?: string | undefined;
  /** True when no caller waited for the step: a refresh, a retry, a heartbeat. */
  readonly background: boolean;
}

function show(given: unknown): string {
  if (typeof given === 'string') {
    const printable = JSON.stringify(given);
    return printable.length > 80 ? `${printable.slice(0, 77)}…"` : printable;
  }
  if (typeof given === 'function') return 'a function';
  if (typeof given === 'object' && given !== null) return Array.isArray(given) ? 'an array' : 'an object';
  return String(given);
}
