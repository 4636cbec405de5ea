import type { InvalidationMode, Targets } from '../../core/model/invalidation.ts';
import type { Lead, OutboxRow } from '../../core/ports/outbox.ts';
import type { Clock } from '../../core/primitives/clock.ts';

/** A row that a transaction has left; it is here from its commit on. */
export interface StoredRow extends OutboxRow {
  /** Drawn when its transaction began: a smaller one may be committed later. */
  readonly number: number;
  readonly ticket: string | undefined;
  readonly notBefore: number;
  /** The caches that have it. */
  readonly deliveredTo: Set<string>;
  /** When the last of all caches that are there had it. */
  deliveredAt: number | undefined;
}

/** How the table is used. */
export interface MemoryOutboxOptions {
  readonly clock: Clock;
  /** Rows that one answer holds. Default 500. */
  readonly rowsAtOnce?: number;
  /** Told of each row at the moment at which it counts as delivered. */
  readonly onDelivered?: (row: StoredRow) => void;
}

/** What is left to a writer that names a ticket. */
const WRITERS_OWN_MS = 1_000;
/** Who says nothing for so long does not lead any more. */
const IDLE_SESSION_MS = 1_500;
/** A cache that nobody has led for so long is away: no row waits for it. */
const AWAY_AFTER_MS = 15_000;
const ROWS_AT_ONCE = 500;
/** Rows that a follower is told of one by one. */
const MOST_FOLLOWED = 1_000;
const COMPLETE_AFTER_MS = 20_000;
const USELESS_MS = 24 * 60 * 60_000;

/** One session: who it is, and whom to tell when something is committed. */
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

/** The outbox of a database in this process: its rows, and who leads. Each method is one statement. */
export class MemoryOutboxTable {
  readonly #clock: Clock;
  readonly #rowsAtOnce: number;
  readonly #onDelivered: (row: StoredRow) => void;
  /** In the order of their commits. */
  #rows: StoredRow[] = [];
  /** Commits that are not in {@link #rows} any more. */
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

  /** The number of a row to come: drawn before its transaction commits. */
  draw(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** The commit of a transaction. One without a ticket wakes who listens. */
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

  /** The cache is no more, or another is in its place: no row waits for it, and it begins anew if it returns. */
  forget(cache: string): void {
    this.#caches.delete(cache);
  }

  /** The cache has begun anew. */
  renewed(cache: string): void {
    this.#stateOf(cache).mustRenew = false;
  }

  /** Somebody's session has said something. */
  heard(session: OutboxSession): void {
    for (const state of this.#caches.values()) if (state.leader === session) state.heardOfLeaderAt = this.#clock.now();
  }

  /** Somebody's session is at an end, or gives up the lead. */
  leave(session: OutboxSession): void {
    for (const state of this.#caches.values()) if (state.leader === session) state.leader = undefined;
    this.#followers.delete(session);
  }

  /** All sessions are at an end, and nobody has been told: who led notices at its next look. */
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

  /** In the order of their numbers, delivered or not: what somebody sees who asks for those after the last. */
  beyond(number: number): StoredRow[] {
    return this.#rows.filter((row) => row.number > number).sort((one, other) => one.number - other.number);
  }

  /** These rows have reached a cache; they are delivered once no other that is there lacks them. */
  settle(cache: string, which: (row: StoredRow) => boolean): void {
    // Who delivers is there, however long that takes; who counts as away already stays away.
    const state = this.#caches.get(cache);
    if (state !== undefined && this.#present().includes(cache)) state.seenAt = this.#clock.now();
    for (const row of this.#rows) {
      if (!isWaiting(row, cache) || !which(row)) continue;
      row.deliveredTo.add(cache);
      // Followers alone are no cache: they find the row as it is.
      const wanting = cache === '' ? [...this.#caches.keys()] : this.#present();
      if (wanting.some((other) => !row.deliveredTo.has(other))) continue;
      row.deliveredAt = this.#clock.now();
      this.#onDelivered(row);
    }
  }

  /** Commits so far, and the rows of those after `seen`. */
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
    // From the front alone, so that the rest can be counted.
    const first = this.#rows.findIndex(keeps);
    const gone = first === -1 ? this.#rows.length : first;
    this.#rows = this.#rows.slice(gone);
    this.#pruned += gone;
  }

  /** Milliseconds since the oldest row that a cache waits for became due. */
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

  /** One that was away while another was not may have missed rows that count as delivered by now. */
  #register(cache: string, state: CacheState): void {
    const now = this.#clock.now();
    const others = [...this.#caches].filter(([name]) => name !== cache);
    if (now - state.seenAt > AWAY_AFTER_MS && others.some(([, { seenAt }]) => seenAt > state.seenAt))
      state.mustRenew = true;
    state.seenAt = now;
  }

  /** Caches that are there. */
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
