import type { InvalidationMode, Targets } from '../../src/core/invalidation.ts';
import type { OutboxRow } from '../../src/core/outbox.ts';
import type { WriteRecord } from './history.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A row that a transaction has left, visible from its commit on. */
export interface StoredRow extends OutboxRow {
  /** Drawn when its transaction began: a smaller one may be committed later. */
  readonly number: number;
  readonly ticket: string | undefined;
  readonly notBefore: number;
  /** What its delivery makes known. */
  readonly writes: readonly WriteRecord[];
  deliveredAt: number | undefined;
}

/** What is left to a writer that names a ticket, as in the triggers. */
const WRITERS_OWN_MS = 1_000;
/** As the session's timeout in the real one: who says nothing for so long does not lead any more. */
const IDLE_SESSION_MS = 1_500;
/** In one answer. Few, so that passes have several. */
const AT_ONCE = 3;

/** The outbox of the simulated database: its rows, and who leads. Each method is one statement. */
export class OutboxTable {
  readonly #time: VirtualTime;
  readonly #rows: StoredRow[] = [];
  #numbers = 0;
  #leader: { readonly name: string; readonly onChange: () => void } | undefined;
  #heardOfLeaderAt = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Of a row to come: drawn before its transaction commits. */
  draw(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** At the commit. */
  add(
    number: number,
    targets: Targets,
    mode: InvalidationMode,
    ticket: string | undefined,
    writes: readonly WriteRecord[] = [],
  ): void {
    const notBefore = this.#time.now + (ticket === undefined ? 0 : WRITERS_OWN_MS);
    const row = { id: String(number), number, targets, mode, ticket, notBefore, writes, deliveredAt: undefined };
    this.#rows.push(row);
    // What a transaction of a writer's own has left wakes nobody.
    if (ticket === undefined) this.#leader?.onChange();
  }

  lead(name: string, onChange: () => void): boolean {
    const isFree = this.#leader === undefined || this.#time.now - this.#heardOfLeaderAt > IDLE_SESSION_MS;
    if (isFree) this.#leader = { name, onChange };
    if (this.#leader?.name !== name) return false;
    this.#heardOfLeaderAt = this.#time.now;
    return true;
  }

  /** Somebody's session is at an end: given up, or its process is gone. */
  leave(name: string): void {
    if (this.#leader?.name === name) this.#leader = undefined;
  }

  /** All sessions are at an end, and nobody has been told: who led notices at its next look. */
  dropSessions(): void {
    this.#leader = undefined;
  }

  /** Whoever leads has asked something: its session is not idle. */
  heard(name: string): void {
    if (this.#leader?.name === name) this.#heardOfLeaderAt = this.#time.now;
  }

  undelivered(isDue: boolean): StoredRow[] {
    return this.#rows
      .filter(({ deliveredAt, notBefore }) => deliveredAt === undefined && (!isDue || notBefore <= this.#time.now))
      .sort((one, other) => one.notBefore - other.notBefore)
      .slice(0, AT_ONCE);
  }

  delivered(withinMs: number, after: number): StoredRow[] {
    return this.#rows
      .filter(({ number, deliveredAt = 0 }) => deliveredAt > this.#time.now - withinMs && number > after)
      .sort((one, other) => one.number - other.number)
      .slice(0, AT_ONCE);
  }

  /** In the order of their numbers, whether delivered or not: what a poller by numbers sees. */
  beyond(number: number): StoredRow[] {
    return this.#rows.filter((row) => row.number > number).sort((one, other) => one.number - other.number);
  }

  settle(which: (row: StoredRow) => boolean): void {
    for (const row of this.#rows) {
      if (row.deliveredAt !== undefined || !which(row)) continue;
      row.deliveredAt = this.#time.now;
      for (const write of row.writes) write.deliveredAt ??= this.#time.now;
    }
  }

  /** Milliseconds since the oldest became due. */
  lag(): number {
    const due = this.#rows.filter(
      ({ deliveredAt, notBefore }) => deliveredAt === undefined && notBefore <= this.#time.now,
    );
    return due.reduce((lag, { notBefore }) => Math.max(lag, this.#time.now - notBefore), 0);
  }
}
