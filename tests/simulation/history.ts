import type { Lookup } from '../../src/index.ts';

/** What the loader returns in the simulation: which row it is, and how often it was committed. */
export interface Row {
  readonly key: string;
  readonly version: number;
}

/** A finished read. */
export interface ReadRecord {
  readonly kind: 'read';
  readonly instance: string;
  readonly key: string;
  readonly version: number;
  readonly start: number;
  readonly end: number;
  readonly flagged: boolean;
  readonly lookup: Lookup<Row>;
}

/** A write: committed, then invalidated; acknowledged here, and delivered to L2 then or later. */
export interface WriteRecord {
  readonly kind: 'write';
  readonly instance: string;
  readonly key: string;
  readonly version: number;
  readonly start: number;
  /** When the writer was told that it is done, `invalidation-pending` included; `undefined` before. */
  acknowledgedAt: number | undefined;
  /** When L2 had acknowledged it. */
  deliveredAt: number | undefined;
}

/** Everything that clients did, and what the database says of it. */
export class History {
  readonly reads: ReadRecord[] = [];
  readonly writes: WriteRecord[] = [];
  readonly loads: { readonly instance: string; readonly key: string; readonly at: number }[] = [];
  readonly failures: {
    readonly instance: string;
    readonly key: string;
    readonly at: number;
    readonly error: unknown;
  }[] = [];
  /** Readable lines, for the one run that fails. */
  readonly trace: string[] = [];
}
