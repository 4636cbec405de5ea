/** The tiers an answer can come from. */
export type TierName = 'l1' | 'l2' | 'source';

interface CacheErrorOptions {
  readonly key?: string | undefined;
  readonly tier?: TierName | undefined;
  readonly cause?: unknown;
}

/** Survives two copies of this package in one process, where `instanceof` does not. */
const BRAND = Symbol.for('tiercel.CacheError');

/**
 * Base of everything that Tiercel itself throws. A loader's own error is never wrapped: it reaches the caller as thrown.
 * `code` is a literal in each subclass, for `switch`.
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

/** Whether `error` was thrown by Tiercel itself, in whatever copy of the package. */
export function isCacheError(error: unknown): error is CacheError {
  return typeof error === 'object' && error !== null && BRAND in error;
}

/** An option or argument that cannot be used, or that does not exist; the message names it and says what is wanted. */
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
   * An option that does not exist.
   * @param advice Follows the name in the message.
   */
  static unknown(option: string, known: readonly string[], advice: string): InvalidOptionError {
    const list = known.join(', ');
    return new InvalidOptionError(option, undefined, list, `Option ${option} is unknown${advice} (known: ${list})`);
  }
}

/** A key, tag or namespace that cannot be used; see the limits in `key.ts`. */
export class InvalidKeyError extends CacheError {
  override readonly name = 'InvalidKeyError';
  readonly code = 'INVALID_KEY';
  constructor(what: 'key' | 'tag' | 'namespace' | 'pattern', given: unknown, problem: string) {
    super(`The ${what} ${show(given)} ${problem}`, typeof given === 'string' ? { key: given } : {});
  }
}

/** A value that would not come back from L2 as it was given, or is longer than L2 may hold. It was not stored there. */
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

/** The caller has waited for its `hardTimeout`. A load for which no other caller waits was aborted, and its lease given back. */
export class LoadTimeoutError extends CacheError {
  override readonly name = 'LoadTimeoutError';
  readonly code = 'LOAD_TIMEOUT';
  constructor(key: string, timeoutMs: number) {
    super(`Loading key ${show(key)} took longer than its hardTimeout of ${timeoutMs} ms`, { key, tier: 'source' });
  }
}

/** A loader asked the cache for a key whose load waits for that loader: the call that closed the ring was refused. */
export class LoadCycleError extends CacheError {
  override readonly name = 'LoadCycleError';
  readonly code = 'LOAD_CYCLE';
  /** The keys of the ring: the loader of each waits for the next, that of the last for the first. */
  readonly ring: readonly string[];
  constructor(key: string, ring: readonly string[]) {
    super(`Key ${show(key)} was not loaded: its loader waits for itself (${[...ring, key].map(show).join(' → ')})`, {
      key,
      tier: 'source',
    });
    this.ring = ring;
  }
}

/** Too many loads are running: this one was not begun, to protect the source. */
export class LoadShedError extends CacheError {
  override readonly name = 'LoadShedError';
  readonly code = 'LOAD_SHED';
  /** When a new try is sensible, in milliseconds. */
  readonly retryAfterMs: number;
  constructor(key: string, limit: number, retryAfterMs: number) {
    super(`Key ${show(key)} was not loaded: ${limit} loads are already running`, { key, tier: 'source' });
    this.retryAfterMs = retryAfterMs;
  }
}

/** The breaker of the source is open: it was not asked, since it has just shown that it cannot answer. */
export class BreakerOpenError extends CacheError {
  override readonly name = 'BreakerOpenError';
  readonly code = 'BREAKER_OPEN';
  /** When the source is tried again, in milliseconds. */
  readonly retryAfterMs: number;
  constructor(key: string, retryAfterMs: number) {
    super(`Key ${show(key)} was not loaded: the breaker of the source is open`, { key, tier: 'source' });
    this.retryAfterMs = retryAfterMs;
  }
}

/** Whether a load was not begun, to protect the source; the error says when another try is sensible. */
export function isRefusal(error: unknown): error is LoadShedError | BreakerOpenError {
  return error instanceof LoadShedError || error instanceof BreakerOpenError;
}

/**
 * Bytes in L2 that are not an envelope of this version, or are longer than `maxValueBytes`. Readers treat it as a miss; it
 * only reaches `onError`.
 */
export class CodecError extends CacheError {
  override readonly name = 'CodecError';
  readonly code = 'CODEC';
  constructor(problem: string, options: CacheErrorOptions = {}) {
    super(`The stored bytes are no entry: ${problem}`, { tier: 'l2', ...options });
  }
}

/** The cache was closed; nothing is read or written any more. */
export class CacheClosedError extends CacheError {
  override readonly name = 'CacheClosedError';
  readonly code = 'CACHE_CLOSED';
  constructor(cacheName: string) {
    super(`The cache ${show(cacheName)} is closed`);
  }
}

/** What this instance still owes to L2 and to the outbox. */
export interface PendingSummary {
  readonly keys: number;
  readonly tags: number;
  readonly patterns: number;
  /** Everything: ordered so, or because the pending set was full. */
  readonly all: boolean;
  /** Whether some of it is owed to the outbox. */
  readonly outbox: boolean;
}

/**
 * The invalidation took effect in this process, and L2 or the outbox could not be told. The order is kept and repeated until
 * it is delivered. Until L2 has acknowledged it, its keys are not read from L2 here. An order that only the outbox lacks
 * is in effect everywhere, and would be lost if Redis came back with older data and this process were gone.
 */
export class InvalidationPendingError extends CacheError {
  override readonly name = 'InvalidationPendingError';
  readonly code = 'INVALIDATION_PENDING';
  /** All that this instance still owes, this order included. */
  readonly pending: PendingSummary;
  /** Whether the outbox could not be told of this order. */
  readonly outbox: boolean;
  /** @param owedTo The tiers that could not be told of this order: `source` stands for the outbox. */
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

/** What {@link InvalidationLostError} says of its orders. */
export interface LostInvalidations {
  /** How many calls of `delete`, `invalidate`, `expire`, `clear` or `set` they are. */
  readonly count: number;
  /** Keys, as their callers wrote them; those of a namespace with its path before them. At most a hundred. */
  readonly keys: readonly string[];
  /** Likewise. */
  readonly tags: readonly string[];
  /** Likewise. */
  readonly patterns: readonly string[];
  /** Everything was to be invalidated, or the names were too many to be kept. */
  readonly all: boolean;
}

/**
 * The cache was closed before L2 could be told of these invalidations. Other processes, and L2 itself, may serve the values of
 * before until their TTL ends. It only reaches `onError`.
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

/** What `onError` is told. A failing tier never rejects a read or a fill: it comes here. */
export interface TierFailure {
  readonly error: unknown;
  /** The step that failed, in the contract's words: `acquire`, `fill`, `invalidate`, `load`, … */
  readonly operation: string;
  readonly tier: TierName;
  /** The logical key, where the step had one. */
  readonly key?: string | undefined;
  /** Whether nobody was waiting for the step: a refresh, a retry, a heartbeat. */
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
