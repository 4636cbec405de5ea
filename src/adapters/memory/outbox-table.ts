import type { Clock } from '../../core/clock.ts';
import type { InvalidationMode, Targets } from '../../core/invalidation.ts';
import type { OutboxRow } from '../../core/outbox.ts';

/** A row that a transaction has left; it is here from its commit on. */
export interface StoredRow extends OutboxRow {
  /** Drawn when its transaction began: a smaller one may be committed later. */
  readonly number: number;
  readonly ticket: string | undefined;
  readonly notBefore: number;
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
const ROWS_AT_ONCE = 500;
/** Rows that a follower is told of one by one. */
const MOST_FOLLOWED = 1_000;
const UNDELIVERED_MS = 24 * 60 * 60_000;

/** One session: who it is, and whom to tell when something is committed. */
export interface OutboxSession {
  readonly name: string;
  onChange(): void;
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
  #leader: OutboxSession | undefined;
  #heardOfLeaderAt = 0;
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
    const row: StoredRow = { id: String(number), number, targets, mode, ticket, notBefore, deliveredAt: undefined };
    this.#rows.push(row);
    if (ticket === undefined) for (const session of this.#listeners()) session.onChange();
    return row;
  }

  lead(session: OutboxSession): boolean {
    const isFree = this.#leader === undefined || this.#clock.now() - this.#heardOfLeaderAt > IDLE_SESSION_MS;
    if (isFree) this.#leader = session;
    this.heard(session);
    return this.#leader === session;
  }

  /** Somebody's session has said something. */
  heard(session: OutboxSession): void {
    if (this.#leader === session) this.#heardOfLeaderAt = this.#clock.now();
  }

  /** Somebody's session is at an end, or gives up the lead. */
  leave(session: OutboxSession): void {
    if (this.#leader === session) this.#leader = undefined;
    this.#followers.delete(session);
  }

  /** All sessions are at an end, and nobody has been told: who led notices at its next look. */
  dropSessions(): void {
    this.#leader = undefined;
    this.#followers.clear();
  }

  undelivered(isDue: boolean): StoredRow[] {
    return this.#rows
      .filter(({ deliveredAt, notBefore }) => deliveredAt === undefined && (!isDue || notBefore <= this.#clock.now()))
      .sort((one, other) => one.notBefore - other.notBefore || one.number - other.number)
      .slice(0, this.#rowsAtOnce);
  }

  delivered(withinMs: number, after: number): StoredRow[] {
    const since = this.#clock.now() - withinMs;
    return this.#rows
      .filter(({ number, deliveredAt = Number.NEGATIVE_INFINITY }) => deliveredAt > since && number > after)
      .sort((one, other) => one.number - other.number)
      .slice(0, this.#rowsAtOnce);
  }

  /** In the order of their numbers, delivered or not: what somebody sees who asks for those after the last. */
  beyond(number: number): StoredRow[] {
    return this.#rows.filter((row) => row.number > number).sort((one, other) => one.number - other.number);
  }

  settle(which: (row: StoredRow) => boolean): void {
    for (const row of this.#rows) {
      if (row.deliveredAt !== undefined || !which(row)) continue;
      row.deliveredAt = this.#clock.now();
      this.#onDelivered(row);
    }
  }

  /** Milliseconds since the oldest undelivered row became due. */
  lag(): number {
    const waiting = this.undelivered(true)[0];
    return waiting === undefined ? 0 : this.#clock.now() - waiting.notBefore;
  }

  /** Commits so far, and the rows of those after `seen` that are not `self`'s own. */
  follow(session: OutboxSession, seen: number | undefined, self: string) {
    this.#followers.add(session);
    const committed = this.#pruned + this.#rows.length;
    const news = seen === undefined ? [] : this.#rows.slice(Math.max(seen - this.#pruned, 0));
    const foreign = news.filter(({ ticket }) => ticket?.startsWith(self) !== true);
    const rows = foreign.map(({ targets, mode }) => ({ targets, mode }));
    const everything = rows.length > MOST_FOLLOWED;
    return { committed, rows: everything ? [] : rows, everything };
  }

  prune(windowMs: number, isRelayed: boolean): void {
    const now = this.#clock.now();
    const keeps = ({ deliveredAt, notBefore }: StoredRow): boolean =>
      deliveredAt === undefined ? isRelayed || now - notBefore <= UNDELIVERED_MS : now - deliveredAt <= windowMs;
    // From the front alone, so that the rest can be counted.
    const first = this.#rows.findIndex(keeps);
    const gone = first === -1 ? this.#rows.length : first;
    this.#rows = this.#rows.slice(gone);
    this.#pruned += gone;
  }

  *#listeners(): Generator<OutboxSession> {
    if (this.#leader !== undefined) yield this.#leader;
    yield* this.#followers;
  }
}
