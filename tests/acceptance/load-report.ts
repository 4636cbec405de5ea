import { printFigures } from '../integration/support/measure.ts';
import type { CrowdTurn } from './crowd.ts';

/** What a crowd was answered: as usual, while Redis was away, and when it was back. */
export type LoadPhases = Readonly<Record<'usual' | 'away' | 'back', readonly CrowdTurn[]>>;

/** What a cache is for. Both are shares of the reads while all is well. */
export interface LoadReport {
  /** Answered by a tier of the cache. */
  readonly hitRatio: number;
  /** For which the database was not asked, as its own log says. */
  readonly avoided: number;
}

/**
 * Prints what the crowd has felt, and adds up what the cache has done for it.
 * @param loads How often the database was asked while all was well.
 */
export function reportLoad(phases: LoadPhases, loads: number): LoadReport {
  const reads = phases.usual.filter(({ method }) => method === 'GET');
  const hitRatio = reads.filter(({ tier }) => tier === 'l1' || tier === 'l2').length / reads.length;
  const avoided = 1 - loads / reads.length;
  for (const [phase, turns] of Object.entries(phases)) {
    const durations = turns.map(({ began, ended }) => ended - began);
    printFigures(`AC 10: ${phase}, ${Math.round(perSecond(turns))} requests/s`, durations);
  }
  const [hits, spared] = [hitRatio, avoided].map((share) => `${(100 * share).toFixed(1)} %`);
  process.stdout.write(`[measured] AC 10: as usual, hits ${hits}, queries of the database avoided ${spared}\n`);
  return { hitRatio, avoided };
}

function perSecond(turns: readonly CrowdTurn[]): number {
  const began = turns.map((turn) => turn.began).sort((one, other) => one - other);
  return (1_000 * turns.length) / ((began.at(-1) ?? 0) - (began[0] ?? 0));
}
