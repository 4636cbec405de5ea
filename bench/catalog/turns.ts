import type { CrowdTurn } from '../../tests/acceptance/crowd.ts';
import { median, percentile, type Row } from '../support/report.ts';

/** The routes that the crowd asks for. */
export const ROUTES = {
  product: /\/products\/\d+$/,
  products: /\/products$/,
  bom: /\/boms\/\d+$/,
  'license plate': /\/license-plates\/\d+$/,
  dashboard: /\/dashboard$/,
} as const;

export type RouteName = keyof typeof ROUTES;

export const ROUTE_NAMES = Object.keys(ROUTES) as RouteName[];

export const reads = (turns: readonly CrowdTurn[]): CrowdTurn[] => turns.filter(({ method }) => method === 'GET');

export const writes = (turns: readonly CrowdTurn[]): CrowdTurn[] => turns.filter(({ method }) => method !== 'GET');

/** Selects the reads of one route. */
export const readsOf = (route: RouteName, turns: readonly CrowdTurn[]): CrowdTurn[] =>
  reads(turns).filter(({ path }) => ROUTES[route].test(path));

/** Selects the answers of these tiers. */
export const from = (turns: readonly CrowdTurn[], ...tiers: readonly string[]): CrowdTurn[] =>
  turns.filter(({ tier }) => tier !== undefined && tiers.includes(tier));

/** Selects the answers that a caller can use. */
export const good = (turns: readonly CrowdTurn[]): CrowdTurn[] =>
  turns.filter(({ status }) => status >= 200 && status < 300);

export const durations = (turns: readonly CrowdTurn[]): number[] => turns.map(({ began, ended }) => ended - began);

/** Returns the milliseconds within which this share of the callers, in percent, has its answer; 0 without turns. */
export const within = (percent: number, turns: readonly CrowdTurn[]): number =>
  turns.length === 0 ? 0 : percentile(durations(turns), percent);

const typical = (turns: readonly CrowdTurn[]): number => (turns.length === 0 ? 0 : median(durations(turns)));

/** Returns a share in percent. */
export const percent = (part: number, whole: number): number => (whole === 0 ? 0 : (100 * part) / whole);

/** Returns the reduction of the median in percent. */
export const improvement = (withIt: readonly CrowdTurn[], without: readonly CrowdTurn[]): number =>
  100 - percent(typical(withIt), typical(without));

/** Returns the requests a second, between the first and the last that was sent. */
export function perSecond(turns: readonly CrowdTurn[]): number {
  let [first, last] = [Infinity, Number.NEGATIVE_INFINITY];
  for (const { began } of turns) {
    first = Math.min(first, began);
    last = Math.max(last, began);
  }
  return (1_000 * turns.length) / (last - first);
}

/** Makes the rows that show how long each kind of request took. */
export function latencyRows(subject: string, turns: readonly CrowdTurn[]): Row[] {
  const kinds = [...ROUTE_NAMES.map((route) => [`GET ${route}`, readsOf(route, turns)] as const)];
  return [...kinds, ['PATCH', writes(turns)] as const].flatMap(([name, some]) =>
    [50, 95, 99].map((share) => ({
      subject,
      case: `${name}, p${share}`,
      figure: within(share, some),
      unit: 'ms',
    })),
  );
}
