import type { InvalidationMode, Targets } from '../../core/model/invalidation.ts';
import type { Lead, OutboxRow } from '../../core/ports/outbox.ts';
import type { Clock } from '../../core/primitives/clock.ts';

/** A row that a transaction has written. It is in the table from its commit on. */
export interface StoredRow extends OutboxRow {
  /** Drawn when the row's transaction began. A smaller number may be committed later. */
  readonly number: number;
  readonly ticket: string | undefined;
  readonly notBefore: number;
  /** The caches that have the row. */
  readonly deliveredTo: Set<string>;
  /** Moment at which the last present cache got the row; `undefined` before. */
  deliveredAt: number | undefined;
}

/** Options of a {@link MemoryOutboxTable}. */
export interface MemoryOutboxOptions {
  readonly clock: Clock;
  /** Number of rows in one answer. Default 500. */
  readonly rowsAtOnce?: number;
  /** Called with each row at the moment at which it counts as delivered. */
  readonly onDelivered?: (row: StoredRow) => void;
}

/** Time for which the writer of a ticket may deliver its row itself, before the relay does. */
const WRITERS_OWN_MS = 1_000;
/** Time of silence after which a session does not lead any more. */
const IDLE_SESSION_MS = 1_500;
/** Time without a leader after which a cache is away. No row waits for it then. */
const AWAY_AFTER_MS = 15_000;
const ROWS_AT_ONCE = 500;
/** Largest number of rows that a follower gets one by one. */
const MOST_FOLLOWED = 1_000;
const COMPLETE_AFTER_MS = 20_000;
const USELESS_MS = 24 * 60 * 60_000;

/** One session of a process, with the function that the table calls after a commit. */
export interface OutboxSession {
  readonly name: string;
  onChange(): void;
}

/** One cache that reads the outbox. */
interface CacheState {
  leader: OutboxSession | undefined;
  heardOfLeaderAt: number;
  seenAt: number;
  mustRenew: boolean;
}

/** The outbox of a database in this process: its rows, and the leader of each cache. Each method is one statement. */
export class MemoryOutboxTable {
  readonly #clock: Clock;
  readonly #rowsAtOnce: number;
  readonly #onDelivered: (row: StoredRow) => void;
  /** Rows in the order of their commits. */
  #rows: StoredRow[] = [];
  /** Number of commits that are not in {@link #rows} any more. */
  #pruned = 0;
  #numbers = 0;
  readonly #caches = new Map<string, CacheState>();
  readonly #followers = new Set<OutboxSession>();

  constructor({ clock, rowsAtOnce = ROWS_AT_ONCE, onDelivered = () => {} }: MemoryOutboxOptions) {
    this.#clock = clock;
    this.#rowsAtOnce = rowsAtOnce;
    this.#onDelivered = onDelivered;
  }

  get size(): number {
    return this.#rows.length;
  }

  /** Draws the number of a row before its transaction commits. */
  draw(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** Commits a row. A row without a ticket wakes leaders and followers. */
  commit(targets: Targets, mode: InvalidationMode = 'delete', ticket?: string, number = this.draw()): StoredRow {
    const notBefore = this.#clock.now() + (ticket === undefined ? 0 : WRITERS_OWN_MS);
    const row: StoredRow = {
      id: String(number),
      number,
      targets,
      mode,
      ticket,
      notBefore,
      deliveredTo: new Set(),
      deliveredAt: undefined,
    };
    this.#rows.push(row);
    if (ticket === undefined) for (const session of this.#listeners()) session.onChange();
    return row;
  }

  lead(session: OutboxSession, cache: string): Lead {
    const now = this.#clock.now();
    const state = this.#stateOf(cache);
    if (state.leader === undefined || now - state.heardOfLeaderAt > IDLE_SESSION_MS) state.leader = session;
    this.heard(session);
    const leads = state.leader === session;
    if (leads) this.#register(cache, state);
    return { leads, lagMs: this.#lag(cache), mustRenew: leads && state.mustRenew };
  }

  /** True when a leader has registered the cache, and the cache need not begin anew. */
  isKnown(cache: string): boolean {
    return this.#caches.get(cache)?.mustRenew === false;
  }

  /** Forgets a cache that has ended or was replaced. No row waits for it, and it begins anew if it returns. */
  forget(cache: string): void {
    this.#caches.delete(cache);
  }

  /** Notes that the cache has begun anew. */
  renewed(cache: string): void {
    this.#stateOf(cache).mustRenew = false;
  }

  /** Notes a sign of life of a session. */
  heard(session: OutboxSession): void {
    for (const state of this.#caches.values()) if (state.leader === session) state.heardOfLeaderAt = this.#clock.now();
  }

  /** Ends a session, or its lead. */
  leave(session: OutboxSession): void {
    for (const state of this.#caches.values()) if (state.leader === session) state.leader = undefined;
    this.#followers.delete(session);
  }

  /** Ends all sessions without notice. A former leader notices at its next look. */
  dropSessions(): void {
    for (const state of this.#caches.values()) state.leader = undefined;
    this.#followers.clear();
  }

  undelivered(cache: string, isDue: boolean): StoredRow[] {
    return this.#rows
      .filter((row) => isWaiting(row, cache) && (!isDue || row.notBefore <= this.#clock.now()))
      .sort((one, other) => one.notBefore - other.notBefore || one.number - other.number)
      .slice(0, this.#rowsAtOnce);
  }

  delivered(cache: string, withinMs: number, after: number): StoredRow[] {
    const since = this.#clock.now() - withinMs;
    const isDelivered = ({ deliveredAt, deliveredTo }: StoredRow): boolean =>
      deliveredAt === undefined ? deliveredTo.has(cache) : deliveredAt > since;
    return this.#rows
      .filter((row) => row.number > after && isDelivered(row))
      .sort((one, other) => one.number - other.number)
      .slice(0, this.#rowsAtOnce);
  }

  /** Returns the rows beyond a number, delivered or not, in the order of their numbers. */
  beyond(number: number): StoredRow[] {
    return this.#rows.filter((row) => row.number > number).sort((one, other) => one.number - other.number);
  }

  /** Notes that rows have reached a cache. A row is delivered once no other present cache lacks it. */
  settle(cache: string, which: (row: StoredRow) => boolean): void {
    // A cache that delivers is present, however long the delivery takes. A cache that already counts as away stays
    // away.
    const state = this.#caches.get(cache);
    if (state !== undefined && this.#present().includes(cache)) state.seenAt = this.#clock.now();
    for (const row of this.#rows) {
      if (!isWaiting(row, cache) || !which(row)) continue;
      row.deliveredTo.add(cache);
      // A process that only follows leads no cache. Its row must still reach each known cache, away or not.
      const wanting = cache === '' ? [...this.#caches.keys()] : this.#present();
      if (wanting.some((other) => !row.deliveredTo.has(other))) continue;
      row.deliveredAt = this.#clock.now();
      this.#onDelivered(row);
    }
  }

  /** Returns the number of commits so far, and the rows of the commits after `seen`. */
  follow(session: OutboxSession, seen: number | undefined) {
    this.#followers.add(session);
    const committed = this.#pruned + this.#rows.length;
    const rows = seen === undefined ? [] : this.#rows.slice(Math.max(seen - this.#pruned, 0));
    const everything = rows.length > MOST_FOLLOWED;
    return { committed, rows: everything ? [] : rows, everything };
  }

  prune(windowMs: number): void {
    const now = this.#clock.now();
    for (const state of this.#caches.values()) if (now - state.seenAt > USELESS_MS) state.mustRenew = true;
    for (const row of this.#rows) {
      const { deliveredAt, deliveredTo, notBefore } = row;
      const isOver = deliveredAt === undefined && deliveredTo.size > 0 && now - notBefore > COMPLETE_AFTER_MS;
      if (isOver && !this.#present().some((cache) => !deliveredTo.has(cache))) row.deliveredAt = now;
    }
    const isUseful = [...this.#caches.values()].some(({ mustRenew }) => !mustRenew);
    const keeps = ({ deliveredAt, notBefore }: StoredRow): boolean =>
      deliveredAt === undefined ? isUseful || now - notBefore <= USELESS_MS : now - deliveredAt <= windowMs;
    // Rows leave from the front alone, so that the rest can be counted.
    const first = this.#rows.findIndex(keeps);
    const gone = first === -1 ? this.#rows.length : first;
    this.#rows = this.#rows.slice(gone);
    this.#pruned += gone;
  }

  /** Returns the milliseconds since the oldest row that a cache waits for became due. */
  #lag(cache: string): number {
    const waiting = this.undelivered(cache, true)[0];
    return waiting === undefined ? 0 : this.#clock.now() - waiting.notBefore;
  }

  #stateOf(cache: string): CacheState {
    const known = this.#caches.get(cache);
    if (known !== undefined) return known;
    const mustRenew = this.#caches.size > 0;
    const made = { leader: undefined, heardOfLeaderAt: 0, seenAt: Number.NEGATIVE_INFINITY, mustRenew };
    this.#caches.set(cache, made);
    return made;
  }

  /**
   * Registers the leader's cache as present. If it was away while another was not, it must renew: it may have missed
   * rows that count as delivered by now.
   */
  #register(cache: string, state: CacheState): void {
    const now = this.#clock.now();
    const others = [...this.#caches].filter(([name]) => name !== cache);
    if (now - state.seenAt > AWAY_AFTER_MS && others.some(([, { seenAt }]) => seenAt > state.seenAt))
      state.mustRenew = true;
    state.seenAt = now;
  }

  /** Returns the caches that are present. */
  #present(): string[] {
    const since = this.#clock.now() - AWAY_AFTER_MS;
    return [...this.#caches].flatMap(([name, { seenAt }]) => (seenAt > since ? [name] : []));
  }

  *#listeners(): Generator<OutboxSession> {
    for (const { leader } of this.#caches.values()) if (leader !== undefined) yield leader;
    yield* this.#followers;
  }
}

function isWaiting({ deliveredAt, deliveredTo }: StoredRow, cache: string): boolean {
  return deliveredAt === undefined && !deliveredTo.has(cache);
}
