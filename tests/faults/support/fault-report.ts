import { median, percentile } from '../../integration/support/measure.ts';
import type { FaultRun } from './fault-run.ts';
import type { Call } from './steady-callers.ts';

/** A {@link FaultRun} in figures. Durations are milliseconds; what did not happen is `undefined`. */
export interface FaultReport {
  readonly name: string;
  readonly ms: number;
  readonly lookups: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  /** Of the loader alone, called at the same moments: what the machine itself may add to a figure. */
  readonly loaderP99: number;
  readonly loaderMost: number;
  /** Of the first second alone, in which the breaker has to find out. */
  readonly firstSecondP99: number;
  readonly errors: readonly unknown[];
  readonly wrong: number;
  /** Invalidations during the fault, how many of them Redis was told of, and the longest that one took. */
  readonly invalidations: { readonly all: number; readonly told: number; readonly most: number };
  readonly openAfter: number | undefined;
  /** Median of a lookup by that of the loader alone, once the breaker is open. */
  readonly onceOpen: number | undefined;
  readonly backAfter: number | undefined;
  /** Beginnings and ends of the fallback mode, and alarms. */
  readonly downs: number;
  readonly ups: number;
  readonly alarms: number;
  readonly l1SuspendedAfter: number | undefined;
  /** While the breaker was open: commands on behalf of callers, and the shortest time from one heartbeat to the next. */
  readonly commandsWhileOpen: number;
  readonly shortestTrialPause: number | undefined;
  readonly attempts: number;
}

/** Under way when the breaker opens. */
const OPENING_MS = 100;

/** Figures of a run. */
export function reportOf(run: FaultRun): FaultReport {
  const { fault, callers, began, ended, events, backAt, attempts } = run;
  const during = (from: number) => (at: number) => at >= from && at < ended;
  const ofFault = (calls: readonly Call[]) => calls.filter(({ at }) => during(began)(at));
  const lookups = ofFault(callers.lookups);
  const speeds = lookups.map(({ ms }) => ms);
  const told = ofFault(callers.told);
  const invalidations = [...told, ...ofFault(callers.pending)];
  const isOfFault = (at: number) => at >= began && at <= (backAt ?? ended);
  const count = (type: (typeof events)[number]['event']['type']) =>
    events.filter(({ at, event }) => event.type === type && isOfFault(at));
  const openAt = events.find(
    ({ at, event }) => at >= began && event.type === 'breaker_transition' && event.tier === 'l2' && event.to === 'open',
  )?.at;
  const open = openAt === undefined ? () => false : during(openAt + OPENING_MS);
  const onceOpen = (calls: readonly Call[]) => calls.filter(({ at }) => open(at)).map(({ ms }) => ms);
  const trials = run.beats.filter(openAt === undefined ? () => false : during(openAt));
  const pauses = trials.slice(1).map((at, index) => at - (trials[index] ?? at));
  const since = (at: number | undefined) => (at === undefined ? undefined : at - began);
  const alone = ofFault(callers.loads).map(({ ms }) => ms);
  const slow = onceOpen(callers.lookups);
  return {
    name: fault.name,
    ms: ended - began,
    lookups: lookups.length,
    p50: percentile(speeds, 50),
    p99: percentile(speeds, 99),
    most: percentile(speeds, 100),
    loaderP99: percentile(alone, 99),
    loaderMost: percentile(alone, 100),
    firstSecondP99: percentile(
      lookups.filter(({ at }) => at < began + 1_000).map(({ ms }) => ms),
      99,
    ),
    errors: callers.errors,
    wrong: callers.wrong,
    invalidations: {
      all: invalidations.length,
      told: told.length,
      most: Math.max(0, ...invalidations.map(({ ms }) => ms)),
    },
    openAfter: since(openAt),
    onceOpen: slow.length === 0 ? undefined : median(slow) / median(onceOpen(callers.loads)),
    backAfter: backAt === undefined ? undefined : backAt - ended,
    downs: count('l2_down').length,
    ups: count('l2_up').length,
    alarms: count('alarm').length,
    l1SuspendedAfter: since(count('l1_suspended')[0]?.at),
    commandsWhileOpen: run.commands.filter(open).length,
    shortestTrialPause: pauses.length === 0 ? undefined : Math.min(...pauses),
    attempts,
  };
}

const HEAD = [
  'fault',
  'for',
  'lookups',
  'p50',
  'p99',
  'p99 of the first second',
  'most',
  'errors',
  'wrong',
  'told',
  'open after',
  'once open, by the loader',
  'back after',
  'fallback, restored',
  'alarms',
] as const;

/** The head of a table of {@link rowOf}, as Markdown. */
export const TABLE_HEAD = `| ${HEAD.join(' | ')} |\n|${HEAD.map((_, index) => (index === 0 ? ' --- |' : ' ---: |')).join('')}`;

/** A report as a row of a table in Markdown. */
export function rowOf(report: FaultReport): string {
  const { invalidations, errors, onceOpen, downs, ups } = report;
  const cells = [
    report.name,
    `${(report.ms / 1_000).toFixed(1)} s`,
    report.lookups,
    milliseconds(report.p50),
    milliseconds(report.p99),
    milliseconds(report.firstSecondP99),
    milliseconds(report.most),
    errors.length,
    report.wrong,
    `${invalidations.told} of ${invalidations.all}`,
    milliseconds(report.openAfter),
    onceOpen === undefined ? '–' : `${onceOpen.toFixed(2)} ×`,
    milliseconds(report.backAfter),
    `${downs}, ${ups}`,
    report.alarms,
  ];
  return `| ${cells.join(' | ')} |`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '–' : `${ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
