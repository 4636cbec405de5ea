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

/** An alert that is up, in the monotonic clock's time. */
export interface FiringRule {
  readonly rule: AlertRule;
  readonly since: number;
  /** What was measured last. */
  readonly value: number | null;
}

interface Row {
  readonly rule: AlertRule;
  readonly track: AlertTrack;
  value: number | null;
}

/** Every rule and what has become of it. */
export class AlertBoard {
  readonly #rows: ReadonlyMap<AlertName, Row>;

  constructor(rules: readonly AlertRule[] = ALERT_RULES) {
    this.#rows = new Map(
      rules.map((rule) => [rule.alert, { rule, track: new AlertTrack(rule.holdMs, rule.calmMs), value: null }]),
    );
  }

  /** Judges all rules. */
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

  /** When to assess again even if there is no news; `Infinity` for never. */
  get dueAt(): number {
    return Math.min(...[...this.#rows.values()].map(({ track }) => track.dueAt));
  }

  #isExplained({ explainedBy }: AlertRule): boolean {
    return explainedBy.some((alert) => this.#rows.get(alert)?.track.isQuiet === false);
  }
}
