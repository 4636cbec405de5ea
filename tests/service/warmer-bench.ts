import { drainMicrotasks } from 'bun:jsc';
import { Type } from '@sinclair/typebox';
import type { Sql } from '../../src/catalog/sql.ts';
import { defineResource } from '../../src/resources/define-resource.ts';
import type { WarmContext } from '../../src/resources/warming.ts';
import { Warmer } from '../../src/service/warming/warmer.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { Host } from '../simulation/virtual-time.ts';
import { Fleet, type Member } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';

type Line = Readonly<Record<string, unknown>>;

/** A warmer on each member of a fleet, over two resources of so many keys, loaded by hand or at once. */
export class WarmerBench {
  readonly fleet: Fleet;
  readonly loads = new HeldLoads<object>();
  readonly log: Line[] = [];
  readonly warmers: Warmer[];
  /** Goes before each list of keys. */
  list: (context: WarmContext) => Promise<void> = async () => {};
  /** Whether loads wait to be answered by hand. */
  held = false;
  isSourceAway = false;

  constructor({ instances = 1, keys = 10 } = {}) {
    this.fleet = new Fleet({ instances, source: { isFailure: () => this.isSourceAway } });
    const resources = ['part', 'tool'].map((name) =>
      defineResource({
        name,
        route: '/:id',
        summary: '',
        schema: Type.Any(),
        key: ({ id }) => `${name}:${id}`,
        load: async ({ signal }) => {
          if (this.isSourceAway) throw new Error('database away');
          return this.held ? this.loads.loader({ signal }) : { name };
        },
        tags: () => [name],
        ttl: '1h',
        warm: async (context) => {
          await this.list(context);
          return Array.from({ length: keys }, (_, index) => ({ id: index + 1 }));
        },
      }),
    );
    const note = (line: Line) => void this.log.push(line);
    this.warmers = this.fleet.members.map(
      ({ cache, name }, index) =>
        new Warmer({
          cache,
          resources,
          sql: undefined as unknown as Sql,
          ttlMs: {},
          concurrency: 2,
          recovers: true,
          log: { info: note, warn: note } as never,
          clock: this.fleet.time.clockOf(new Host(name)),
          random: new SeededRandom(index + 1),
        }),
    );
  }

  get warmer(): Warmer {
    const [warmer] = this.warmers;
    if (warmer === undefined) throw new Error('There is no warmer');
    return warmer;
  }

  pass(ms: number): void {
    this.fleet.run(ms);
    drainMicrotasks();
  }

  /** Redis goes away, and everybody has noticed. */
  loseRedis(): void {
    this.fleet.server.stop();
    this.pass(3_000);
  }

  events(name: string): Line[] {
    return this.log.filter(({ event }) => event === name);
  }
}

/** Whether all keys are in the L1 of a member. */
export const isWarm = ({ cache }: Member, keys = 10): boolean =>
  ['part', 'tool'].every((name) =>
    Array.from({ length: keys }, (_, index) => cache.peek(`${name}:${index + 1}`)).every(Boolean),
  );
