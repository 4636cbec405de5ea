import type { AlertName } from './alert.ts';
import { AlertTrack, type Change } from './alert-track.ts';
import { ALERT_RULES, type AlertRule } from './rules.ts';
import type { Snapshot } from './snapshot.ts';

/** An alert that went up or came down. */
export interface RuleChange {
  readonly rule: AlertRule;
  readonly change: Change;
  readonly value: number | null;
}

/** An alert that is up. Its times are of the monotonic clock. */
export interface FiringRule {
  readonly rule: AlertRule;
  readonly since: number;
  /** The latest measured value. */
  readonly value: number | null;
}

interface Row {
  readonly rule: AlertRule;
  readonly track: AlertTrack;
  value: number | null;
}

/** Keeps the state of every rule. */
export class AlertBoard {
  readonly #rows: ReadonlyMap<AlertName, Row>;

  constructor(rules: readonly AlertRule[] = ALERT_RULES) {
    this.#rows = new Map(
      rules.map((rule) => [rule.alert, { rule, track: new AlertTrack(rule.holdMs, rule.calmMs), value: null }]),
    );
  }

  /** Judges all rules and returns the alerts that went up or came down. */
  assess(snapshot: Snapshot, now: number): RuleChange[] {
    const changes: RuleChange[] = [];
    for (const row of this.#rows.values()) {
      const finding = this.#isExplained(row.rule) ? undefined : row.rule.judge(snapshot);
      if (finding !== undefined) row.value = finding.value;
      const change = row.track.judge(finding?.isBad, now);
      if (change !== undefined) changes.push({ rule: row.rule, change, value: row.value });
    }
    return changes;
  }

  /** The alerts that are up. */
  get firing(): FiringRule[] {
    return [...this.#rows.values()].flatMap(({ rule, track: { firingSince }, value }) =>
      firingSince === undefined ? [] : [{ rule, since: firingSince, value }],
    );
  }

  /** The moment of the next assessment if no event comes earlier; `Infinity` for never. */
  get dueAt(): number {
    return Math.min(...[...this.#rows.values()].map(({ track }) => track.dueAt));
  }

  #isExplained({ explainedBy }: AlertRule): boolean {
    return explainedBy.some((alert) => this.#rows.get(alert)?.track.isQuiet === false);
  }
}
