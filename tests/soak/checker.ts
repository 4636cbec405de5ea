import type { TierName } from '../../src/index.ts';
import { Journal } from './journal.ts';
import { Order } from './order.ts';
import { describe, type ReadRecord, type Seen, seconds, type WriteRecord } from './records.ts';
import { Timeline } from './timeline.ts';

/** A broken invariant, with what shows it. */
export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I4' | 'I5' | 'I6' | 'no error';
  readonly message: string;
  /** What happened to the row lately; empty beyond the first few violations. */
  readonly excerpt: readonly string[];
}

/** An operation under way. */
export interface Open {
  readonly start: number;
}

/** A write under way, and what it is to write. */
export interface OpenWrite extends Open {
  readonly label: number;
}

/** Violations kept with their words, and how many of those with an excerpt; the rest are only counted. */
const MOST_KEPT = 100;
const MOST_EXCERPTS = 5;
/** Versions of one row whose labels are remembered. */
const MOST_LABELS = 512;

interface RowState {
  /** The version at the start, whose label nobody here has written. */
  readonly initial: number;
  readonly labels: Map<number, number>;
  /** Writes that have begun: the latest label. */
  written: number;
  /** What everybody must know D later. */
  readonly everywhere: Timeline;
  /** By instance: what it has acknowledged itself. */
  readonly own: Map<string, Timeline>;
}

/**
 * Judges operations by the invariants while they happen, so that a run may be as long as one likes: each read is judged
 * once no operation is under way that began before it ended.
 */
export class Checker {
  readonly violations: Violation[] = [];
  /** Kept or not. */
  violationCount = 0;
  readonly reads: Record<TierName, number> = { l1: 0, l2: 0, source: 0 };
  flaggedReads = 0;
  writes = 0;
  pendingWrites = 0;
  /** How long after a newer value was acknowledged and delivered an older one was still asked for and served. */
  maxStalenessMs = 0;
  readonly #maxLagMs: number;
  readonly #now: () => number;
  readonly #journal = new Journal();
  readonly #rows: ReadonlyMap<string, RowState>;
  readonly #orders = new Map<string, Order>();
  readonly #undelivered = new Set<WriteRecord>();
  #truth: ReadonlyMap<string, number> | undefined;
  /** In the order of their starts. */
  readonly #open = new Set<Open>();
  /** In the order of their ends. */
  #unjudged: ReadRecord[] = [];

  /**
   * @param rows The version of each row at the start.
   * @param maxLagMs The bound D.
   */
  constructor(rows: ReadonlyMap<string, number>, maxLagMs: number, now: () => number = () => performance.now()) {
    this.#maxLagMs = maxLagMs;
    this.#now = now;
    this.#rows = new Map(
      [...rows].map(([row, initial]) => [
        row,
        { initial, labels: new Map(), written: 0, everywhere: new Timeline(), own: new Map() },
      ]),
    );
  }

  /** Reads that have been answered. */
  get readCount(): number {
    return this.reads.l1 + this.reads.l2 + this.reads.source;
  }

  /** Whether this instance has acknowledged writes of which Redis may not have been told. */
  owes(instance: string): boolean {
    return [...this.#undelivered].some((write) => write.instance === instance);
  }

  /** An operation is about to be sent. */
  begin(): Open {
    const open = { start: this.#now() };
    this.#open.add(open);
    return open;
  }

  /** A write is about to be sent: from now on it may be seen. */
  beginWrite(row: string): OpenWrite {
    const state = this.#row(row);
    state.written += 1;
    const open = { start: this.#now(), label: state.written };
    this.#open.add(open);
    return open;
  }

  endRead(open: Open, answer: Omit<ReadRecord, 'kind' | 'start' | 'end'>): void {
    const read: ReadRecord = { kind: 'read', ...answer, start: open.start, end: this.#now() };
    this.#journal.add(read);
    this.reads[read.tier] += 1;
    if (read.flagged) this.flaggedReads += 1;
    for (const seen of read.rows) {
      this.#checkLabel(seen, () => describe(read, seen.row));
      const expected = this.#truth?.get(seen.row) ?? seen.version;
      if (seen.version !== expected)
        this.violate('I4', `${describe(read, seen.row)}, but the database holds version ${expected}`, seen.row);
      if (!read.flagged) this.#order(read, seen.row).add(seen.version, read);
    }
    this.#unjudged.push(read);
    this.#close(open);
  }

  endWrite(open: Open, answer: Omit<WriteRecord, 'kind' | 'start' | 'end'>): void {
    const write: WriteRecord = { kind: 'write', ...answer, start: open.start, end: this.#now() };
    this.#journal.add(write);
    this.writes += 1;
    const state = this.#row(write.row);
    this.#checkLabel(write, () => describe(write));
    const own = state.own.get(write.instance) ?? new Timeline();
    state.own.set(write.instance, own);
    own.add(write.end, write);
    if (write.pending) {
      this.pendingWrites += 1;
      this.#undelivered.add(write);
    } else state.everywhere.add(write.end, write);
    this.#close(open);
  }

  /** An operation came to nothing, which no fault of Redis excuses. */
  fail(open: Open, what: string): void {
    this.violate('no error', `${what}, sent at ${seconds(open.start)}`);
    this.#close(open);
  }

  /** This instance owes Redis nothing that it acknowledged before `asked`: those writes are everybody's now. */
  delivered(instance: string, asked: number): void {
    for (const write of this.#undelivered) {
      if (write.instance !== instance || write.end > asked) continue;
      this.#undelivered.delete(write);
      this.#row(write.row).everywhere.add(this.#now(), write);
    }
  }

  /** I4: until told otherwise, every read is to show exactly these versions; `undefined` for any that are allowed. */
  expectExactly(truth: ReadonlyMap<string, number> | undefined): void {
    this.#truth = truth;
  }

  /** Puts a fault, or its end, between the operations. */
  note(text: string): void {
    this.#journal.add({ kind: 'note', end: this.#now(), text });
  }

  violate(invariant: Violation['invariant'], message: string, row?: string): void {
    this.violationCount += 1;
    if (this.violations.length >= MOST_KEPT) return;
    const isTold = row !== undefined && this.violations.length < MOST_EXCERPTS;
    this.violations.push({ invariant, message, excerpt: isTold ? this.#journal.excerpt(row, this.#now()) : [] });
  }

  #close(open: Open): void {
    this.#open.delete(open);
    const [oldest] = this.#open;
    const until = oldest?.start ?? Infinity;
    const end = this.#unjudged.findIndex((read) => read.end > until);
    const due = end === -1 ? this.#unjudged : this.#unjudged.slice(0, end);
    this.#unjudged = end === -1 ? [] : this.#unjudged.slice(end);
    for (const read of due) for (const seen of read.rows) this.#judge(read, seen);
  }

  #judge(read: ReadRecord, { row, version }: Seen): void {
    const { everywhere, own } = this.#row(row);
    const told = (): string => describe(read, row);
    const known = everywhere.firstNewer(version);
    if (known !== undefined) {
      const staleness = read.start - known.at;
      this.maxStalenessMs = Math.max(this.maxStalenessMs, staleness);
      if (staleness > this.#maxLagMs)
        this.violate(
          'I1',
          `${told()}, ${seconds(staleness)} after this was known to all: ${describe(known.write)}`,
          row,
        );
    }
    const mine = own.get(read.instance)?.firstNewer(version);
    if (mine !== undefined && mine.at < read.start)
      this.violate('I2', `${told()}, after it had itself acknowledged: ${describe(mine.write)}`, row);
    const newer = read.flagged ? undefined : this.#order(read, row).newerBefore(version, read.start);
    if (newer !== undefined)
      this.violate(
        'I6',
        `${told()}, after a read there of version ${newer.version} ended at ${seconds(newer.end)}`,
        row,
      );
  }

  /** I5: one version is one value, and somebody wrote it to this row. */
  #checkLabel({ row, version, label }: Seen, told: () => string): void {
    const { initial, labels, written } = this.#row(row);
    if (version !== initial && !(label >= 1 && label <= written))
      this.violate('I5', `${told()}, which nobody wrote`, row);
    const known = labels.get(version);
    if (known !== undefined && known !== label) this.violate('I5', `${told()}, which was #${known} before`, row);
    if (known !== undefined) return;
    labels.set(version, label);
    if (labels.size > MOST_LABELS) labels.delete(Math.min(...labels.keys()));
  }

  #row(row: string): RowState {
    const state = this.#rows.get(row);
    if (state === undefined) throw new Error(`${row} is none of the rows that are checked`);
    return state;
  }

  #order({ instance, view }: ReadRecord, row: string): Order {
    const name = `${instance} ${view} ${row}`;
    const order = this.#orders.get(name) ?? new Order();
    this.#orders.set(name, order);
    return order;
  }
}
