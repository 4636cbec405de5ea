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

/** The part of the catalog's cache that tells of changed tokens. */
export interface HeardCache {
  attach(attachment: { readonly observer: Observer }): () => void;
  health(): { readonly l1: { readonly suspended: boolean } };
}

/** The collaborators of {@link TokenHolders}. */
export interface TokenHoldersOptions {
  /** Looks a token up where tokens are kept. */
  readonly lookUp: (token: string, signal: AbortSignal) => Promise<ApiToken | null>;
  /** Hears of every change of a token through its outbox. */
  readonly catalog: HeardCache;
  /** Whether the catalog's cache has an outbox to hear from. */
  readonly isTold: boolean;
  /** For so long a token that cannot be looked up may still read. 0: it is looked up each second, or does not read. */
  readonly graceMs: number;
  /** Throws to keep a token from being looked up that is not known at all. */
  readonly assertMayLookUp: (request: Request) => void;
  /** Default: the platform's. */
  readonly clock?: Clock;
}

/** How long a token is known without a question. */
const FRESH_MS = 1_000;

/** For so long after that, a token is known at once and looked up behind the answer. */
const REVALIDATE_MS = 14_000;

/** A change asks for a token that was looked up within this time. */
const CONFIRMED_MS = FRESH_MS + REVALIDATE_MS;

/** A known token waits this long for a database that is slow or away. */
const SOFT_TIMEOUT_MS = 100;

/** A token that is not known waits this long. */
const HARD_TIMEOUT_MS = 2_000;

/** Look-ups at once: of their own, so that loads that hold all places of the catalog do not hold up a token. */
const LOOK_UPS = 32;

/** A look-up by a unique index takes a millisecond; one that takes so long is a database in trouble. */
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

/** Kept as JSON: the end is milliseconds since 1970. */
interface Holder extends Pick<ApiToken, 'orgId' | 'role'> {
  readonly expiresAt: number | null;
}

/**
 * Remembers who holds which API token. The cache is of its own and in memory alone, so digests of tokens do not leave this
 * process.
 *
 * - A token that is known answers at once. It is looked up behind the answer, once a second at most.
 * - A token that was changed or revoked is forgotten when the catalog's cache hears of it: the outbox names it.
 * - Whenever that cache may have missed a message, and while it cannot prove that it has not, each known token is looked up
 *   again before it answers, for at most 100 ms.
 * - While the database is away, a known token reads for the grace after it was last looked up. It changes nothing.
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
  /** Whether the catalog's cache could show at the last question that it had missed no message. */
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
   * The holder of a token, at once if it is known; `null` when there is none, or not any more.
   * @param right The right that the request needs. The grace is for reading alone.
   * @param request Shown to `assertMayLookUp` before a token is looked up that is not known at all.
   * @throws {@link Problem} 503 when the token cannot be looked up, and what is known of it is too old for that right; what
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

  /** While the breaker is not closed, one look-up finds out whether the database is back, and no reader waits for it. */
  #softTimeoutMs(): number {
    return this.#cache.health().source.breaker === 'closed' ? SOFT_TIMEOUT_MS : 0;
  }

  async #load(token: string, { signal, setTags, skip }: LoaderContext): Promise<Holder | null> {
    const found = await this.#lookUp(token, signal);
    if (found !== null) {
      setTags([tokenTags.of(found.id), tokenTags.all]);
      return { orgId: found.orgId, role: found.role, expiresAt: found.expiresAt?.getTime() ?? null };
    }
    // A token that a client makes up takes no place from one that is known.
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
    // This may stand for names that were too many to be said, and for a flush, which must not turn readers away.
    if (tags.includes(ROOT_TAG)) this.#doubtAll();
  }

  /** By their keys: a tag that is expired twice would end what the database could not confirm in between. */
  #doubtAll(): void {
    dropRejection(this.#cache.invalidate({ pattern: '*', mode: 'expire' }));
  }

  /** An expired token is refused at its moment, however long what is known of it may still be used. */
  #principalOf(holder: Holder | null): Principal | null {
    if (holder === null || (holder.expiresAt !== null && holder.expiresAt <= this.#clock.wall())) return null;
    return { orgId: holder.orgId, rights: RIGHTS[holder.role] };
  }
}
