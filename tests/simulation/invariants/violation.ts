import type { ReadRecord } from '../history.ts';

/** A broken invariant, with what shows it. */
export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'no error' | 'no hang' | 'own time';
  readonly at: number;
  readonly message: string;
}

export function describeRead({ instance, key, version, start, end, tier, flagged }: ReadRecord): string {
  return `${instance} read ${key} = ${version} from ${tier}${flagged ? ', flagged,' : ''} at ${ms(start)}–${ms(end)}`;
}

export function ms(time: number): string {
  return `${time.toFixed(1)} ms`;
}
