import { lru } from '../../adapters/lru/index.ts';
import { isUnavailable } from '../../adapters/postgres/index.ts';
import { tokenTags } from '../../catalog/outbox.ts';
import type { ApiToken } from '../../catalog/tokens.ts';
import { createCache } from '../../core/create-cache.ts';
import type { CacheEvent, Observer } from '../../core/model/events.ts';
import type { Targets } from '../../core/model/invalidation.ts';
import { ROOT_TAG } from '../../core/model/key.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import type { LoaderContext, ReadOptions } from '../../core/model/options.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { dropRejection } from '../../core/primitives/quietly.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import { Problem } from '../http/problem.ts';
import type { Principal, Right } from './access-control.ts';

/** The part of the catalog's cache that reports changed tokens. */
export interface HeardCache {
  attach(attachment: { readonly observer: Observer }): () => void;
  health(): { readonly l1: { readonly suspended: boolean } };
}

/** The collaborators of {@link TokenHolders}. */
export interface TokenHoldersOptions {
  /** Looks a token up in the database. */
  readonly lookUp: (token: string, signal: AbortSignal) => Promise<ApiToken | null>;
  /** Receives every change of a token through its outbox. */
  readonly catalog: HeardCache;
  /** True when the catalog's cache has an outbox, and so learns of changed tokens. */
  readonly isTold: boolean;
  /**
   * Milliseconds for which a token that cannot be looked up may still read. With 0, a token that cannot be looked up does
   * not read, and a known one is looked up each second.
   */
  readonly graceMs: number;
  /** Throws to prevent the look-up of a token that this process does not know. */
  readonly assertMayLookUp: (request: Request) => void;
  /** Default: the platform's. */
  readonly clock?: Clock;
}

/** A token answers this long after a look-up without another one. */
const FRESH_MS = 1_000;

/** After {@link FRESH_MS}, a token still answers at once for this long. The look-up then runs behind the answer. */
const REVALIDATE_MS = 14_000;

/** A change needs a token that was looked up within this time. */
const CONFIRMED_MS = FRESH_MS + REVALIDATE_MS;

/** A known token waits this long for a slow or absent database. */
const SOFT_TIMEOUT_MS = 100;

/** An unknown token waits this long. */
const HARD_TIMEOUT_MS = 2_000;

/** Look-ups that may run at once. They have their own limit: loads that hold all places of the catalog do not delay a token. */
const LOOK_UPS = 32;

/** A look-up by a unique index takes a millisecond. A database that needs this long is in trouble. */
const SLOW_MS = 250;

const REMEMBER = {
  ttl: FRESH_MS,
  hardTimeout: HARD_TIMEOUT_MS,
  jitter: 0,
  tags: [],
} as const satisfies ReadOptions;

const RIGHTS: Readonly<Record<ApiToken['role'], ReadonlySet<Right>>> = {
  reader: new Set(['read']),
  writer: new Set(['read', 'write']),
};

/** A token's holder as the cache stores it, in JSON. `expiresAt` is milliseconds since 1970. */
interface Holder extends Pick<ApiToken, 'orgId' | 'role'> {
  readonly expiresAt: number | null;
}

/**
 * Remembers the holder of each API token. It has its own cache in memory, so digests of tokens do not leave this process.
 *
 * - A known token answers at once. Its look-up runs behind the answer, once a second at most.
 * - The outbox names each token that is changed or revoked. This object forgets the token when the catalog's cache receives
 *   that.
 * - While the catalog's cache cannot prove that it has missed no message, each known token is looked up before it answers,
 *   for at most 100 ms. The same holds after each possible miss.
 * - While the database is away, a known token reads until the grace since its last look-up is over. It changes nothing.
 */
export class TokenHolders implements AsyncDisposable {
  readonly #lookUp: TokenHoldersOptions['lookUp'];
  readonly #assertMayLookUp: TokenHoldersOptions['assertMayLookUp'];
  readonly #catalog: TokenHoldersOptions['catalog'];
  readonly #isTold: boolean;
  readonly #graceMs: number;
  readonly #clock: Clock;
  readonly #cache: TieredCache;
  readonly #detach: () => void;
  /** True when the catalog's cache could prove, at the last question, that it had missed no message. */
  #wasProven = false;

  constructor({ lookUp, catalog, isTold, graceMs, assertMayLookUp, clock = systemClock }: TokenHoldersOptions) {
    this.#lookUp = lookUp;
    this.#assertMayLookUp = assertMayLookUp;
    this.#catalog = catalog;
    this.#clock = clock;
    this.#isTold = isTold;
    this.#graceMs = graceMs;
    this.#cache = createCache({
      name: 'tokens',
      l1: lru({ maxEntries: 10_000, maxBytes: 16 * 2 ** 20 }),
      maxLoads: LOOK_UPS,
      source: { isFailure: isUnavailable, slowAfter: SLOW_MS, breaker: { minimumCalls: 3 } },
      clock,
    });
    this.#detach = catalog.attach({ observer: (event) => this.#observe(event) });
  }

  /**
   * Returns the holder of a token, at once if the token is known; `null` for a token that does not exist or is no longer
   * valid.
   * @param right The right that the request needs. The grace is for reading alone.
   * @param request Passed to `assertMayLookUp` before the look-up of an unknown token.
   * @throws {@link Problem} 503 when the token cannot be looked up and its known state is too old for that right; whatever
   *   `assertMayLookUp` throws.
   */
  find(token: string, sha256: string, right: Right, request: Request): Principal | null | Promise<Principal | null> {
    const hit = this.#cache.peekLookup<Holder | null>(sha256);
    return hit === undefined ? this.#ask(token, sha256, right, request) : this.#principalOf(hit.value);
  }

  async close(): Promise<void> {
    this.#detach();
    await this.#cache.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(token: string, sha256: string, right: Right, request: Request): Promise<Principal | null> {
    const reads = right === 'read' || right === 'view';
    const isProven = this.#isTold && !this.#catalog.health().l1.suspended;
    if (this.#wasProven && !isProven) this.#doubtAll();
    this.#wasProven = isProven;
    const lookup: Lookup<Holder | null> = await this.#cache.lookup<Holder | null>(
      sha256,
      (context) => {
        if (context.stale === undefined) this.#assertMayLookUp(request);
        return this.#load(token, context);
      },
      {
        ...REMEMBER,
        staleWhileRevalidate: isProven ? Math.min(REVALIDATE_MS, this.#graceMs) : 0,
        staleIfError: this.#graceMs,
        softTimeout: reads ? this.#softTimeoutMs() : false,
        forceFresh: right === 'administer',
      },
    );
    if (!reads && lookup.age > (right === 'administer' ? FRESH_MS + HARD_TIMEOUT_MS : CONFIRMED_MS))
      throw new Problem(503, 'The token cannot be checked while the database is away', { 'retry-after': '1' });
    return this.#principalOf(lookup.value);
  }

  /** Returns 0 while the breaker is not closed: one look-up finds out if the database is back, and no reader waits for it. */
  #softTimeoutMs(): number {
    return this.#cache.health().source.breaker === 'closed' ? SOFT_TIMEOUT_MS : 0;
  }

  async #load(token: string, { signal, setTags, skip }: LoaderContext): Promise<Holder | null> {
    const found = await this.#lookUp(token, signal);
    if (found !== null) {
      setTags([tokenTags.of(found.id), tokenTags.all]);
      return { orgId: found.orgId, role: found.role, expiresAt: found.expiresAt?.getTime() ?? null };
    }
    // A token that a client makes up takes no place from a known one.
    skip();
    return null;
  }

  #observe(event: CacheEvent): void {
    switch (event.type) {
      case 'invalidated':
        this.#hear(event.targets);
        return;
      case 'bus_gap':
      case 'bus_resync':
      case 'epoch_changed':
        this.#doubtAll();
    }
  }

  #hear({ tags }: Targets): void {
    const named = tags.filter(tokenTags.has);
    if (named.length > 0) dropRejection(this.#cache.invalidate({ tags: named }));
    // The root tag stands for a list of names that was too long, or for a flush. A flush must not turn readers away.
    if (tags.includes(ROOT_TAG)) this.#doubtAll();
  }

  /**
   * Marks every token as stale, by key. A tag that expires twice would end the tokens that the database could not confirm in
   * between.
   */
  #doubtAll(): void {
    dropRejection(this.#cache.invalidate({ pattern: '*', mode: 'expire' }));
  }

  /** Refuses an expired token at its moment of expiry, however long its cached state may still be used. */
  #principalOf(holder: Holder | null): Principal | null {
    if (holder === null || (holder.expiresAt !== null && holder.expiresAt <= this.#clock.wall())) return null;
    return { orgId: holder.orgId, rights: RIGHTS[holder.role] };
  }
}
