import { expect, test } from 'bun:test';
import { WEAKENINGS } from '../simulation/weakenings/index.ts';
import type { Weakening } from '../simulation/world.ts';
import { Fleet, type FleetOptions } from '../support/core-fixture.ts';

/** One interleaving, played to its end. Answers what a reader is given who comes when all is over. */
export type Race = (start: (options?: FleetOptions) => Fleet) => unknown;

/**
 * Plays a race with the cache as it is, which must answer `'new'`; and with a rule taken away, which must answer `'old'`:
 * an interleaving that nothing can lose proves nothing.
 * @param name The race, as the protocol's table numbers it.
 * @param without Weakenings by what they take away; each loses the race alone.
 */
export function race(name: string, without: Readonly<Record<string, Weakening>>, play: Race): void {
  test(`${name}: everybody reads what is true`, () => {
    expect(play((options) => new Fleet(options))).toBe('new');
  });
  for (const [rule, weakening] of Object.entries(without)) {
    test(`${name}: lost with ${rule}`, () => {
      expect(play((options) => new Fleet({ ...options, weakening }))).toBe('old');
    });
  }
}

/** One of the simulator's weakenings, by its name. */
export function rule(name: string): Readonly<Record<string, Weakening>> {
  const weakened = WEAKENINGS[name];
  if (weakened === undefined) throw new Error(`There is no weakening ${JSON.stringify(name)}`);
  return { [name]: weakened.weakening };
}

/** The database of a scenario: one row, read and written at moments that the test chooses. */
export class Row {
  value: 'old' | 'new' = 'old';

  /** Reads the row now. */
  readonly read = (): 'old' | 'new' => this.value;
}
