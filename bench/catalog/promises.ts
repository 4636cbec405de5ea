import { type AimRow, atLeast, atMost, inFigures, percentile } from '../support/report.ts';
import { CLIENTS, OUTAGE_MS, PER_SECOND, type WithCache, type WithoutCache } from './phases.ts';
import { from, good, improvement, percent, perSecond, reads, readsOf, within } from './turns.ts';

/** Compares the promised numbers with the figures of the load test. */
export function promised(cached: WithCache, uncached: WithoutCache): AimRow[] {
  const { usual, probes, outage, tooSlow, dashboards } = cached;
  const { turns } = usual;
  const hits = (route: 'product' | 'bom') => from(readsOf(route, turns), 'l1', 'l2');
  const everything = [...turns, ...outage, ...dashboards.turns];
  return [
    atMost('product, hit of L1 or L2 over HTTP, p99', 50, within(99, hits('product')), 'ms'),
    atMost('BOM, hit of L1 or L2 over HTTP, p99', 80, within(99, hits('bom')), 'ms'),
    atMost('read of L1, mean', 1, Math.max(...probes.l1Reads), 'ms'),
    atMost('read of L2, p99', 5, percentile(probes.l2Reads, 99), 'ms'),
    atMost('product, miss, p99', 200, percentile(probes.productMisses, 99), 'ms'),
    atMost('BOM, miss, p99', 400, percentile(probes.bomMisses, 99), 'ms'),
    unnoticed(outage, tooSlow),
    atMost('write of the cache, both tiers, p99', 20, percentile(probes.writes, 99), 'ms'),
    atLeast(`${CLIENTS.toLocaleString('en')} clients, all of the above`, 800, perSecond(turns), 'requests/s'),
    atLeast('reads answered by a tier', 90, percent(from(reads(turns), 'l1', 'l2').length, reads(turns).length), '%'),
    atLeast('database queries avoided', 80, 100 - percent(usual.loads, reads(turns).length), '%'),
    atLeast(
      'database queries avoided by the dashboard, polled',
      96,
      100 - percent(dashboards.dashboardLoads, readsOf('dashboard', dashboards.turns).length),
      '%',
    ),
    atLeast(
      `reads faster than without the cache, median, ${PER_SECOND.toLocaleString('en')} requests/s`,
      40,
      improvement(reads(turns), reads(uncached.usual)),
      '%',
    ),
    atLeast('answers without error, Redis up or not', 99.9, percent(good(everything).length, everything.length), '%'),
  ];
}

function unnoticed(outage: WithCache['outage'], tooSlow: number): AimRow {
  const failed = outage.length - good(outage).length;
  return {
    what: 'Redis stopped, any request',
    aim: `≤ ${OUTAGE_MS} ms, no error`,
    measured: `p99 ${inFigures(within(99, outage))} ms, ${tooSlow} over ${OUTAGE_MS} ms, ${failed} errors`,
    met: tooSlow === 0 && failed === 0,
  };
}
