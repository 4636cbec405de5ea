import type { TierName } from '../../src/index.ts';
import { seconds } from './records.ts';

/** A change that was acknowledged, to whoever made it, at a moment of the checker's clock. */
export interface Change {
  readonly row: string;
  readonly version: number;
  readonly at: number;
  /** The instance that made it; `undefined` for a program that knows nothing of the cache. */
  readonly by: string | undefined;
  /** Whether Redis had been told of it by then. */
  readonly isTold: boolean;
}

/** An answer. */
export interface Look {
  readonly row: string;
  readonly version: number;
  readonly instance: string;
  /** When it was asked for. */
  readonly start: number;
  readonly tier: TierName;
  /** Whether it was handed out as stale. */
  readonly flagged: boolean;
}

/** Beside D, for changes of which Redis was not told. */
const UNTOLD_MS = 1_000;
/** The same while instances disagree on whether Redis can be reached. */
const DISAGREED_MS = 5_000;
/** Violations kept with their words. */
const MOST_KEPT = 50;

interface Period {
  readonly from: number;
  until: number;
}

/**
 * Judges each answer by I1 and I2 as they are where not everybody can tell Redis what he has changed: at once by its
 * writer, after D by all others, after a second more where Redis was not told, or five while instances disagree.
 */
export class Ages {
  readonly violations: string[] = [];
  violationCount = 0;
  readonly reads: Record<TierName, number> = { l1: 0, l2: 0, source: 0 };
  changes = 0;
  untold = 0;
  /** The longest time from the acknowledgement of a change to a question whose answer did not show it: by others' instances. */
  oldestMs = 0;
  readonly #maxLagMs: number;
  readonly #changes = new Map<string, Change[]>();
  readonly #disagreements: Period[] = [];

  /** @param maxLagMs The bound D. */
  constructor(maxLagMs: number) {
    this.#maxLagMs = maxLagMs;
  }

  get readCount(): number {
    return this.reads.l1 + this.reads.l2 + this.reads.source;
  }

  /** From now on instances disagree; the result ends it. */
  disagree(): () => void {
    const period: Period = { from: performance.now(), until: Infinity };
    this.#disagreements.push(period);
    return () => {
      period.until = performance.now();
    };
  }

  changed(change: Change): void {
    this.changes += 1;
    if (!change.isTold) this.untold += 1;
    const all = this.#changes.get(change.row) ?? [];
    this.#changes.set(change.row, all);
    all.push(change);
  }

  looked(look: Look): void {
    this.reads[look.tier] += 1;
    if (look.flagged) return;
    for (const change of this.#changes.get(look.row) ?? []) {
      if (change.version <= look.version || change.at >= look.start) continue;
      const age = look.start - change.at;
      if (change.by !== look.instance) this.oldestMs = Math.max(this.oldestMs, age);
      if (age > this.#allowed(change, look)) this.#violate(change, look, age);
    }
  }

  #allowed(change: Change, { instance, start }: Look): number {
    if (change.by === instance) return 0;
    if (change.isTold) return this.#maxLagMs;
    const disagreed = this.#disagreements.some(({ from, until }) => from <= start && change.at <= until);
    return this.#maxLagMs + (disagreed ? DISAGREED_MS : UNTOLD_MS);
  }

  #violate(
    { row, version, at, by = 'psql', isTold }: Change,
    { instance, start, tier, ...look }: Look,
    age: number,
  ): void {
    this.violationCount += 1;
    if (this.violations.length >= MOST_KEPT) return;
    const told = isTold ? '' : ', Redis still to be told';
    this.violations.push(
      `${seconds(start)} ${instance} read ${row} version ${look.version} from ${tier}, ${seconds(age)} after ${by} had ` +
        `changed it to version ${version} (acknowledged at ${seconds(at)}${told})`,
    );
  }
}
