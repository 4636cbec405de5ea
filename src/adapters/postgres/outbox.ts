import { randomBytes } from 'node:crypto';
import type { ISql, Sql, TransactionSql } from 'postgres';
import { assertNames, knownNames } from '../../core/model/arguments.ts';
import { type Duration, toMs } from '../../core/model/duration.ts';
import { InvalidOptionError } from '../../core/model/errors.ts';
import { namesEverything, type Targets } from '../../core/model/invalidation.ts';
import type {
  FollowedRows,
  Lead,
  Outbox,
  OutboxListener,
  OutboxOrder,
  OutboxRow,
  Undelivered,
} from '../../core/ports/outbox.ts';
import type { ReadRow } from './outbox-statements.ts';
import * as statements from './outbox-statements.ts';
import { CHANNEL } from './outbox-table.ts';
import { OwnSession, SESSION_NAME, WRITER_NAME } from './own-session.ts';
import { type Ticket, Tickets } from './tickets.ts';

/** Options of {@link outbox}. */
export interface OutboxOptions {
  /**
   * Time for which a delivered row is kept, in case Redis comes back with older data. It must cover the time between
   * two saves of Redis, and the lag of a replica plus a failover. Not less than 2 minutes, and finite. Default 10
   * minutes.
   */
  readonly window?: Duration;
  /**
   * True if this process alone uses the database, as with an embedded one. The outbox then takes no lead, does not
   * `LISTEN`, and opens no connection beside the pool. Default `false`.
   */
  readonly sole?: boolean;
}

const OUTBOX_NAMES = knownNames(['window', 'sole'] satisfies (keyof OutboxOptions)[]);

const DEFAULT_WINDOW_MS = 10 * 60_000;
const SHORTEST_WINDOW_MS = 2 * 60_000;
/** Rows that no cache takes are kept for this long. A cache that returns later begins anew. */
const USELESS_MS = 24 * 60 * 60_000;
/** Time between two removals of old rows when there was little to remove. Milliseconds. */
const PRUNE_EVERY_MS = 10_000;

/** The most unreadable rows that the relay leaves out. Beyond it the relay stops and reports an error. */
const MOST_UNREADABLE = 1_000;

/** The name under which a process without L2 uses the outbox. It delivers to no cache. */
const NO_CACHE = '';
/** Where no cache uses the outbox, one claim in this number removes old rows. */
const CLAIMS_PER_PRUNE = 100;

/**
 * An outbox in a Postgres database, whose table `outboxSql` makes. Any number of caches and processes may share one.
 */
export class PostgresOutbox implements Outbox {
  readonly system = 'postgresql';
  readonly windowMs: number;
  readonly #sole: boolean;
  readonly #pool: Sql;
  /** Holds the lead and listens. */
  readonly #session: OwnSession;
  readonly #writer: OwnSession;
  readonly #tickets: Tickets;
  /** Begins this process's tickets. */
  readonly #self = `${randomBytes(12).toString('base64url')}.`;
  #drawn = 0;
  /** The cache of the last {@link lead}, for which this process delivers. */
  #cache = NO_CACHE;
  #former: string | undefined;
  #isUsed = false;
  #onChange: () => void = () => {};
  #onError: (error: unknown) => void = () => {};
  #pruneAt = 0;
  /** Rows that wait and cannot be read. */
  readonly #unreadable = new Set<string>();

  /** Users call {@link outbox} instead. */
  constructor(sql: Sql, windowMs: number, sole: boolean) {
    this.#pool = sql;
    this.windowMs = windowMs;
    this.#sole = sole;
    this.#session = new OwnSession(sql, { name: SESSION_NAME, onNotify: () => this.#onChange() });
    this.#writer = new OwnSession(sql, { name: WRITER_NAME, isTransient: true });
    const mark = (tickets: readonly Ticket[]) =>
      this.#write((own) => statements.settleTickets(own, this.#cache, tickets));
    this.#tickets = new Tickets(mark, (error) => this.#onError(error));
  }

  /**
   * Claims the rows of a transaction for its writer, who invalidates after the commit. The relay leaves them alone for
   * a second. Without a claim the relay would invalidate the same names once more. Call it inside the transaction,
   * before the changes.
   * @example
   * ```ts
   * import postgres from 'postgres';
   * import { createCache } from 'tiercel';
   * import { lru } from 'tiercel/lru';
   * import { outbox } from 'tiercel/postgres';
   * import { redis } from 'tiercel/redis';
   *
   * const sql = postgres('postgres://127.0.0.1/shop');
   * const changes = outbox(sql);
   * const cache = createCache({ name: 'shop', l1: lru(), ...redis('redis://127.0.0.1:6379'), outbox: changes });
   *
   * const ticket = await sql.begin(async (tx) => {
   *   const claimed = await changes.claim(tx);
   *   await tx`update products set price = 2 where id = 7`;
   *   return claimed;
   * });
   * await cache.invalidate({ keys: ['product:7'] }, { outbox: ticket });
   * ```
   * @returns a ticket for `cache.invalidate(…, { outbox: ticket })`, after the commit.
   * @throws {@link InvalidOptionError} when `transaction` is not what `sql.begin` gives to its function.
   */
  async claim(transaction: TransactionSql): Promise<string> {
    if (typeof transaction !== 'function' || typeof transaction.savepoint !== 'function')
      throw new InvalidOptionError('transaction', transaction, 'the transaction that sql.begin passes to its function');
    const ticket = this.#draw();
    await statements.claim(transaction, ticket);
    // No relay prunes the outbox where no cache uses it, so claims do.
    if (!this.#isUsed && this.#drawn % CLAIMS_PER_PRUNE === 0)
      await statements.prune(transaction, this.windowMs, this.windowMs);
    return ticket;
  }

  start({ onChange, onError }: OutboxListener): void {
    this.#isUsed = true;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  async lead(cache: string): Promise<Lead> {
    if (this.#cache !== NO_CACHE && this.#cache !== cache) this.#former = this.#cache;
    this.#cache = cache;
    const { isKnown, ...state } = await this.#run((sql) => statements.lead(sql, cache));
    if (!state.leads) {
      // An instance that led its former cache leaves it too, or rows would wait for that cache (race 73).
      if (isKnown) await this.#forgetFormer();
      return { ...state, mustRenew: false };
    }
    await this.#listen();
    // The former cache is forgotten only after this. A cache that comes beside another has missed that one's rows (race
    // 37).
    const mustRenew = !isKnown && (await this.#run((sql) => statements.register(sql, cache)));
    await this.#forgetFormer();
    return { ...state, mustRenew };
  }

  renewed(): Promise<void> {
    return this.#run((sql) => statements.renewed(sql, this.#cache));
  }

  resign(): Promise<void> {
    return this.#run(statements.resign);
  }

  /** Returns the next readable rows. Unreadable rows hold up nothing: the next page is read without them. */
  async undelivered(which: Undelivered): Promise<readonly OutboxRow[]> {
    for (;;) {
      const rows = await this.#run((sql) => statements.undelivered(sql, this.#cache, which, [...this.#unreadable]));
      const readable = this.#readable(rows);
      if (readable.length > 0 || rows.length === 0) return readable;
    }
  }

  async delivered(withinMs: number, after: string | undefined): Promise<readonly OutboxRow[]> {
    return this.#readable(await this.#run((sql) => statements.delivered(sql, this.#cache, withinMs, after)));
  }

  settle(ids: readonly string[]): Promise<void> {
    return this.#run((sql) => statements.settle(sql, this.#cache, ids));
  }

  async record(orders: readonly OutboxOrder[]): Promise<readonly string[]> {
    const drawn = orders.map((order) => ({ ...order, ticket: this.#draw() }));
    await this.#write((sql) => statements.record(sql, drawn));
    return drawn.map(({ ticket }) => ticket);
  }

  acknowledge(ticket: string, targets: Targets): void {
    const { ids: keys, tags } = targets;
    this.#tickets.add({ ticket, keys, tags, everything: namesEverything(targets) });
  }

  /**
   * Returns the rows that other writers have committed since the cursor. A cursor holds as long as the session that
   * gave it out. A server that has died, or that another has replaced, may have lost its last commits, and gives out
   * their transaction ids once more.
   */
  async follow(cursor: string | undefined): Promise<FollowedRows> {
    await this.#listen();
    const { period } = this.#session;
    const [given, snapshot] = cursor?.split(' ') ?? [];
    const isSame = given === String(period);
    const followed = await this.#run((sql) => statements.follow(sql, isSame ? snapshot : undefined));
    const isLost = cursor !== undefined && !(isSame && this.#session.period === period);
    // This process has invalidated its own rows already. They are left out if all of their names were acknowledged.
    const readable = followed.rows.flatMap(({ targets, ...row }) =>
      targets === undefined ? [] : [{ ...row, targets }],
    );
    const news = readable.filter(({ origin, targets }) => !this.#tickets.covers(origin, targets));
    const isUnread = readable.length < followed.rows.length;
    if (isUnread) this.#onError(new Error(`A row of the outbox has names that are not lists of texts; L1 is cleared`));
    return {
      cursor: `${period} ${followed.cursor}`,
      rows: news.map(({ targets, mode }) => ({ targets, mode })),
      everything: followed.everything || isLost || isUnread,
    };
  }

  async prune(): Promise<void> {
    const now = performance.now();
    if (now < this.#pruneAt) return;
    this.#pruneAt = now + PRUNE_EVERY_MS;
    const isMore = await this.#run((sql) => statements.prune(sql, this.windowMs, USELESS_MS));
    if (isMore) this.#pruneAt = now;
  }

  async close(): Promise<void> {
    this.#onChange = () => {};
    await this.#tickets.flush();
    await Promise.all([this.#session.close(), this.#writer.close()]);
  }

  /** Keeps the rows whose names are lists of texts. Other rows are never marked, and each is reported once. */
  #readable(rows: readonly ReadRow[]): OutboxRow[] {
    return rows.flatMap(({ id, targets, mode }) => {
      if (targets !== undefined) return [{ id, targets, mode }];
      if (this.#unreadable.has(id)) return [];
      if (this.#unreadable.size >= MOST_UNREADABLE)
        throw new Error(`More than ${MOST_UNREADABLE} rows of the outbox have names that are not lists of texts`);
      this.#unreadable.add(id);
      this.#onError(new Error(`Row ${id} of the outbox has names that are not lists of texts; it is not delivered`));
      return [];
    });
  }

  /**
   * Forgets the former cache. Redis has lost its contents or is another server, so no row waits for that cache any
   * more. If the cache returns, it begins anew.
   */
  async #forgetFormer(): Promise<void> {
    const former = this.#former;
    if (former === undefined) return;
    await this.#run((sql) => statements.unregister(sql, former));
    this.#former = undefined;
  }

  #run<T>(statement: (sql: ISql) => Promise<T>): Promise<T> {
    return this.#sole ? statement(this.#pool) : this.#session.run(statement);
  }

  /** Runs a statement that waits for the disk. */
  #write<T>(statement: (sql: ISql) => Promise<T>): Promise<T> {
    return this.#sole ? statement(this.#pool) : this.#writer.run(statement);
  }

  async #listen(): Promise<void> {
    if (this.#sole || this.#session.isListening) return;
    await this.#session.listen(CHANNEL);
    // A commit before this moment has woken no listener.
    this.#onChange();
  }

  #draw(): string {
    this.#drawn += 1;
    return this.#self + this.#drawn;
  }
}

/**
 * Makes the outbox of a database, for `createCache({ outbox })`. Every committed change then reaches every instance. If
 * a process cannot deliver an invalidation to Redis, another does.
 * @param sql The pool that the service uses. The outbox opens one connection beside it, straight to the server: a
 *   pooler that hands out sessions by the transaction cannot carry it. A second connection is open while rows are
 *   written.
 * @example
 * ```ts
 * import postgres from 'postgres';
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { outbox } from 'tiercel/postgres';
 * import { redis } from 'tiercel/redis';
 *
 * const sql = postgres('postgres://127.0.0.1/shop');
 * const cache = createCache({ name: 'shop', l1: lru(), ...redis('redis://127.0.0.1:6379'), outbox: outbox(sql) });
 * ```
 * @throws {@link InvalidOptionError} naming the option that cannot be used.
 */
export function outbox(sql: Sql, options: OutboxOptions = {}): PostgresOutbox {
  assertNames('options', options, OUTBOX_NAMES);
  if (typeof sql !== 'function' || typeof sql.begin !== 'function')
    throw new InvalidOptionError('sql', sql, 'a pool of postgres.js: outbox(postgres(url))');
  const { window, sole = false } = options;
  if (typeof sole !== 'boolean') throw new InvalidOptionError('sole', sole, 'true or false');
  const windowMs = window === undefined ? DEFAULT_WINDOW_MS : toMs(window, 'window');
  if (windowMs < SHORTEST_WINDOW_MS || !Number.isFinite(windowMs))
    throw new InvalidOptionError('window', window, 'at least 2 minutes, and finite');
  return new PostgresOutbox(sql, windowMs, sole);
}
