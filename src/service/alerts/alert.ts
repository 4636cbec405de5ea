/** What alerts can be about. */
export type AlertName =
  | 'redis_unavailable'
  | 'source_unavailable'
  | 'hit_ratio_low'
  | 'latency_high'
  | 'bus_unproven'
  | 'relay_late'
  | 'redis_memory_high';

/** `critical`: somebody should look now. `warning`: today. */
export type Severity = 'critical' | 'warning';

/** An alert that is up; as `GET /api/v1/cache/health` shows it. */
export interface Alert {
  readonly alert: AlertName;
  readonly severity: Severity;
  /** One sentence for people. */
  readonly text: string;
  /** ISO 8601: when the condition began, which is before the alert was raised. */
  readonly since: string;
  /** What was measured, in the unit of {@link Alert.threshold}; `null` where there is nothing to measure. */
  readonly value: number | null;
  /** What {@link Alert.value} should not pass; `null` where there is none. */
  readonly threshold: number | null;
}

/** What is told when an alert goes up or comes down: the body of the webhook's request. */
export interface Notice extends Alert {
  readonly state: 'firing' | 'resolved';
  /** The same for all instances of one fleet: receivers group by it and by {@link Alert.alert}. */
  readonly service: string;
  /** Of this process alone. */
  readonly instance: string;
}
