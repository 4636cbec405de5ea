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

/** How an outbox is used. */
export interface OutboxOptions {
  /**
   * How long a delivered row is kept, for when Redis comes back with older data. At least as long as Redis may go between
   * two saves, or a replica may lag and a failover take, and two minutes. Default 10 min.
   */
  readonly window?: Duration;
  /**
   * Nobody but this process uses the database: no lead is needed, no `LISTEN`, and no connection beside the pool. For an
   * embedded database. Default `false`.
   */
  readonly sole?: boolean;
}

const OUTBOX_NAMES = knownNames(['window', 'sole'] satisfies (keyof OutboxOptions)[]);

const DEFAULT_WINDOW_MS = 10 * 60_000;
const SHORTEST_WINDOW_MS = 2 * 60_000;
/** So long rows are kept that nobody delivers, because no cache is there or Redis is away: it begins anew then. */
const USELESS_MS = 24 * 60 * 60_000;
/** Between two removals of old rows when there was little to remove, in milliseconds. */
const PRUNE_EVERY_MS = 10_000;

/** Rows that cannot be read and are gone round; beyond, the relay stops, and says so. */
const MOST_UNREADABLE = 1_000;

/** Whoever has no L2 delivers to nobody. */
const NO_CACHE = '';
/** Where no cache uses the outbox, old rows are removed at every so many claims. */
const CLAIMS_PER_PRUNE = 100;

/** An outbox in a Postgres database, made with `outboxSql`. Any number of caches and processes may use one. */
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
  /** Whose deliveries these are: the cache of the last {@link lead}. */
  #cache = NO_CACHE;
  #former: string | undefined;
  #isUsed = false;
  #onChange: () => void = () => {};
  #onError: (error: unknown) => void = () => {};
  #pruneAt = 0;
  /** Rows that wait and cannot be read. */
  readonly #unreadable = new Set<string>();

  /** Use {@link outbox}. */
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
   * In a transaction that changes rows, and whose writer then invalidates what it has changed: its rows are left to it for a
   * second. Without it the relay would invalidate the same once more.
   * @returns a ticket for `cache.invalidate(…, { outbox: ticket })`, after the commit.
   */
  async claim(transaction: TransactionSql): Promise<string> {
    if (typeof transaction !== 'function' || typeof transaction.savepoint !== 'function')
      throw new InvalidOptionError('transaction', transaction, 'what sql.begin gives to its function');
    const ticket = this.#draw();
    await statements.claim(transaction, ticket);
    // Without a cache that uses it nobody else would.
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
    if (!state.leads) return { ...state, mustRenew: false };
    await this.#listen();
    // Before the former one is forgotten: a cache that comes beside another has missed what that one was told (race 37).
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

  /** A page of rows that cannot be read holds up nothing: the next one is asked for without them. */
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
   * A cursor holds as long as the session does in which it was given out. A server that has died, or that another has taken
   * over from, may have lost its last commits, and gives out their transaction ids once more.
   */
  async follow(cursor: string | undefined): Promise<FollowedRows> {
    await this.#listen();
    const { period } = this.#session;
    const [given, snapshot] = cursor?.split(' ') ?? [];
    const isSame = given === String(period);
    const followed = await this.#run((sql) => statements.follow(sql, isSame ? snapshot : undefined));
    const isLost = cursor !== undefined && !(isSame && this.#session.period === period);
    // What this process has invalidated itself, and all of it, is no news to it.
    const readable = followed.rows.flatMap(({ targets, ...row }) =>
      targets === undefined ? [] : [{ ...row, targets }],
    );
    const news = readable.filter(({ origin, targets }) => !this.#tickets.covers(origin, targets));
    const isUnread = readable.length < followed.rows.length;
    if (isUnread) this.#onError(new Error(`A row of the outbox has names that are no lists of texts; L1 is cleared`));
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

  /** Those rows whose names are lists of texts. Of the others none is ever marked, and each is told of once. */
  #readable(rows: readonly ReadRow[]): OutboxRow[] {
    return rows.flatMap(({ id, targets, mode }) => {
      if (targets !== undefined) return [{ id, targets, mode }];
      if (this.#unreadable.has(id)) return [];
      if (this.#unreadable.size >= MOST_UNREADABLE)
        throw new Error(`More than ${MOST_UNREADABLE} rows of the outbox have names that are no lists of texts`);
      this.#unreadable.add(id);
      this.#onError(new Error(`Row ${id} of the outbox has names that are no lists of texts; it is not delivered`));
      return [];
    });
  }

  /** Redis has lost what it was, or is another one: nothing waits for the former cache, and it begins anew if it returns. */
  async #forgetFormer(): Promise<void> {
    const former = this.#former;
    if (former === undefined) return;
    await this.#run((sql) => statements.unregister(sql, former));
    this.#former = undefined;
  }

  #run<T>(statement: (sql: ISql) => Promise<T>): Promise<T> {
    return this.#sole ? statement(this.#pool) : this.#session.run(statement);
  }

  /** Statements that wait for the disk. */
  #write<T>(statement: (sql: ISql) => Promise<T>): Promise<T> {
    return this.#sole ? statement(this.#pool) : this.#writer.run(statement);
  }

  async #listen(): Promise<void> {
    if (this.#sole || this.#session.isListening) return;
    await this.#session.listen(CHANNEL);
    // What was committed before now has woken nobody.
    this.#onChange();
  }

  #draw(): string {
    this.#drawn += 1;
    return this.#self + this.#drawn;
  }
}

/**
 * The outbox of a database, for `createCache({ outbox })`: what anybody commits reaches every instance, and what a process
 * could not tell Redis is delivered by another.
 * @param sql The pool that the service uses. One connection beside it is made for the outbox, straight to the server: a
 *   pooler that hands out sessions by the transaction cannot carry it. Another one is there while rows are written.
 * @example
 * const cache = createCache({ l1: lru(), ...redis(url), outbox: outbox(sql) });
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
