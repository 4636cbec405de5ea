import { describe, type JournalEntry } from './records.ts';

/** Entries kept at most; the oldest half goes when there are more. */
const MOST_ENTRIES = 40_000;
const EXCERPT_LINES = 40;

/** What happened lately, for those who want to understand a violation. */
export class Journal {
  #entries: JournalEntry[] = [];

  add(entry: JournalEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > MOST_ENTRIES) this.#entries = this.#entries.slice(MOST_ENTRIES / 2);
  }

  /** The latest lines about a row before and around a moment, with the faults between them. */
  excerpt(row: string, until: number): string[] {
    const told = this.#entries.filter((entry) => {
      if (entry.end > until) return false;
      if (entry.kind === 'read') return entry.rows.some((seen) => seen.row === row);
      return entry.kind === 'note' || entry.row === row;
    });
    const latest = told.slice(-EXCERPT_LINES);
    // The latest write may be further back than that many reads, and is what it is all about.
    const writes = told.slice(0, -EXCERPT_LINES).filter(({ kind }) => kind !== 'read');
    return [...writes.slice(-10), ...latest].map((entry) => describe(entry, row));
  }
}
