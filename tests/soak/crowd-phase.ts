import { percentile } from '../integration/support/measure.ts';
import { provenanceOf } from './client.ts';
import type { KeepAliveAnswer } from './keep-alive-client.ts';

/** Words of failures that are kept. */
const MOST_FAILURES = 20;

/** What a crowd was answered in one phase of a test. An answer belongs to the phase in which it was asked for. */
export class CrowdPhase {
  readonly name: string;
  readonly began = performance.now();
  /** Milliseconds of each answer with a value, and of each that turned its client away. */
  readonly served: number[] = [];
  readonly turnedAway: number[] = [];
  readonly tiers: Record<string, number> = { l1: 0, l2: 0, source: 0 };
  /** Values that were handed out as stale; of them, because the source failed. */
  flagged = 0;
  sourceErrors = 0;
  /** What the slowest answer with a value said of where it came from. */
  slowest: { readonly ms: number; readonly cacheStatus: string } | undefined;
  /** Answers of 503 that do not say when to come again. */
  withoutRetryAfter = 0;
  /** Whatever else came: other answers, connections that broke. */
  failures = 0;
  readonly firstFailures: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  answered({ status, headers, body }: KeepAliveAnswer, ms: number): void {
    if (status === 200) {
      const { tier, flagged } = provenanceOf(headers);
      this.served.push(ms);
      this.tiers[tier] = (this.tiers[tier] ?? 0) + 1;
      if (flagged) this.flagged += 1;
      const cacheStatus = headers.get('cache-status') ?? '';
      if (cacheStatus.includes('source-error')) this.sourceErrors += 1;
      if (ms > (this.slowest?.ms ?? 0)) this.slowest = { ms, cacheStatus };
    } else if (status === 503) {
      this.turnedAway.push(ms);
      if (headers.get('retry-after') === null) this.withoutRetryAfter += 1;
    } else this.failed(new Error(`was answered ${status}: ${body}`), ms);
  }

  failed(error: unknown, ms: number): void {
    this.failures += 1;
    if (this.firstFailures.length < MOST_FAILURES)
      this.firstFailures.push(`${error instanceof Error ? error.message : error} after ${Math.round(ms)} ms`);
  }

  /** The longest that anybody waited for any answer. */
  get most(): number {
    return [this.served, this.turnedAway].flat().reduce((most, ms) => Math.max(most, ms), 0);
  }

  /** All of it in one line. */
  describe(seconds: number): string {
    const { served, turnedAway, tiers } = this;
    const rate = Math.round((served.length + turnedAway.length) / seconds);
    return (
      `${this.name.padEnd(28)} ${seconds.toFixed(1).padStart(5)} s, ${rate} answers/s: 200 ${speeds(served)} ` +
      `(l1 ${tiers.l1}, l2 ${tiers.l2}, source ${tiers.source}; flagged stale ${this.flagged}, ` +
      `source-error ${this.sourceErrors}), 503 ${speeds(turnedAway)} (${this.withoutRetryAfter} without Retry-After), ` +
      `errors ${this.failures}; the slowest was ${this.slowest?.cacheStatus}`
    );
  }
}

function speeds(figures: readonly number[]): string {
  if (figures.length === 0) return '0';
  const [p50, p99, most] = [50, 99, 100].map((percent) => percentile(figures, percent).toFixed(1));
  return `${figures.length} × p50 ${p50}, p99 ${p99}, most ${most} ms`;
}
