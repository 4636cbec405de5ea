/** The conditions that alerts report. */
export type AlertName =
  | 'redis_unavailable'
  | 'source_unavailable'
  | 'hit_ratio_low'
  | 'latency_high'
  | 'bus_unproven'
  | 'relay_late'
  | 'redis_memory_high';

/** `critical`: an operator should look now. `warning`: today. */
export type Severity = 'critical' | 'warning';

/** An alert that is up, as `GET /api/v1/cache/health` shows it. */
export interface Alert {
  readonly alert: AlertName;
  readonly severity: Severity;
  /** One sentence for people. */
  readonly text: string;
  /** The moment when the condition began, which is before the alert was raised. ISO 8601. */
  readonly since: string;
  /** The measured value, in the unit of {@link Alert.threshold}; `null` where nothing is measured. */
  readonly value: number | null;
  /** The limit of {@link Alert.value}; `null` where there is none. */
  readonly threshold: number | null;
}

/** The report that an alert went up or came down: the body of the webhook's request. */
export interface Notice extends Alert {
  readonly state: 'firing' | 'resolved';
  /** The name of the fleet, equal for all its instances. Receivers group by it and by {@link Alert.alert}. */
  readonly service: string;
  /** The name of this process. */
  readonly instance: string;
}
