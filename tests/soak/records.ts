import type { TierName } from '../../src/index.ts';

/** One row of the database as an answer showed it. */
export interface Seen {
  /** E.g. `product:3`. */
  readonly row: string;
  readonly version: number;
  /** Which write of the row it shows, see {@link WriteRecord.label}; 0 for what was there before. */
  readonly label: number;
}

/** A read that was answered. Times are milliseconds of the checker's own monotonic clock. */
export interface ReadRecord {
  readonly kind: 'read';
  readonly instance: string;
  /** What was asked for: one key of the cache. A list shows many rows. */
  readonly view: string;
  readonly rows: readonly Seen[];
  readonly start: number;
  readonly end: number;
  /** Whether it was handed out as stale. */
  readonly flagged: boolean;
  readonly tier: TierName;
  /** It came from the source, and nothing says that L2 has it too. */
  readonly notInL2: boolean;
}

/** A write that was acknowledged. */
export interface WriteRecord {
  readonly kind: 'write';
  readonly instance: string;
  readonly row: string;
  readonly version: number;
  /** Counts the writes of the row from 1, and is part of what is written. */
  readonly label: number;
  readonly start: number;
  /** When it was acknowledged. */
  readonly end: number;
  /** Redis had not been told by then. */
  readonly pending: boolean;
}

/** Something worth reading beside the operations: a fault, or its end. */
export interface Note {
  readonly kind: 'note';
  readonly end: number;
  readonly text: string;
}

export type JournalEntry = ReadRecord | WriteRecord | Note;

/** `12.345 s`, of the checker's clock. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}

/** A read or write in one line; of a list only what it says of that row. */
export function describe(entry: JournalEntry, row?: string): string {
  switch (entry.kind) {
    case 'note':
      return `${seconds(entry.end)} ---- ${entry.text}`;
    case 'write': {
      const { instance, label, version, start, end, pending } = entry;
      const how = pending ? 'acknowledged, Redis still to be told' : 'acknowledged';
      return `${seconds(start)} – ${seconds(end)} ${instance} wrote ${entry.row} #${label} = version ${version}, ${how}`;
    }
    case 'read': {
      const { instance, view, tier, flagged, notInL2, start, end } = entry;
      const rows = row === undefined ? entry.rows : entry.rows.filter((seen) => seen.row === row);
      const seen = rows.map(({ row, version, label }) => `${row} #${label} = version ${version}`).join(', ');
      const how = `${tier}${flagged ? ', flagged stale' : ''}${notInL2 ? ', not in L2' : ''}`;
      return `${seconds(start)} – ${seconds(end)} ${instance} read ${seen} by ${view} from ${how}`;
    }
  }
}
