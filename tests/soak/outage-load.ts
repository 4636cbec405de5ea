import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { productPath } from '../integration/support/catalog-requests.ts';
import type { Ages } from './ages.ts';
import { provenanceOf } from './client.ts';
import type { OutagePlan } from './outages.ts';
import type { RelayFleet, RelayMember } from './relay-fleet.ts';

/** Clients of each instance that read all the time. */
const READERS = 2;
const READ_PAUSE_MS = 10;
/** Values that were asleep are read this many times as often, so that each of them is read soon after. */
const ASLEEP_PER_PAUSE = 4;

/** Products that are changed, and read all the time. */
export const AWAKE = range(1, 40);
/** Products that are changed, and that nobody reads before he is told to: every tier may still hold them as they were. */
export const ASLEEP = range(41, 40);
/** Products that nobody changes, nor reads before the end. */
export const UNTOUCHED = range(81, 20);

/** An instance, or a program that knows nothing of the cache. */
export type Writer = RelayMember | 'psql';

/** Clients at work. */
export interface OutageLoad {
  /** Makes so many changes, one after another over so much time, by each of these in turn. */
  write(count: number, overMs: number, writers: readonly Writer[]): Promise<void>;
  /** From now on an instance is asked for what was asleep. */
  wake(members: readonly RelayMember[]): void;
  /** Ends when what is under way has ended. */
  stop(): Promise<void>;
}

/** Lets clients read by every instance, and judges what they are answered. */
export function startLoad({ members, psql }: RelayFleet, ages: Ages, plan: OutagePlan): OutageLoad {
  const { seed, readPauseMs = READ_PAUSE_MS } = plan;
  const random = new SeededRandom(seed);
  const ending = new AbortController();
  const awake = new Set<RelayMember>();
  const read = async (member: RelayMember): Promise<void> => {
    const chance = random.fork();
    while (!ending.signal.aborted) {
      await readProductBy(member, chance.pick(AWAKE), ages);
      if (awake.has(member)) await readAsleep(member, chance);
      await Bun.sleep(chance.between(0, readPauseMs));
    }
  };
  const readAsleep = async (member: RelayMember, chance: SeededRandom): Promise<void> => {
    for (const product of ASLEEP) {
      await readProductBy(member, product, ages);
      await Bun.sleep(chance.between(0, readPauseMs / ASLEEP_PER_PAUSE));
    }
  };
  const readers = members.flatMap((member) => Array.from({ length: READERS }, () => read(member)));
  const chance = random.fork();
  let label = 0;
  const change = async (writer: Writer): Promise<void> => {
    label += 1;
    const product = chance.pick([...AWAKE, ...ASLEEP]);
    if (writer !== 'psql') return patch(writer, product, `#${label}`, ages);
    const [row] = await psql<{ version: number }[]>`
      update products set name = ${`#${label}`} where id = ${product} returning version::int`;
    const version = row?.version ?? 0;
    ages.changed({ row: rowOf(product), version, at: performance.now(), by: undefined, isTold: false });
  };
  return {
    async write(count, overMs, writers) {
      const began = performance.now();
      for (let done = 0; done < count; done += 1) {
        for (const writer of writers.slice(done % writers.length).slice(0, 1)) await change(writer);
        const next = began + ((done + 1) * overMs) / count;
        await Bun.sleep(Math.max(next - performance.now(), 0));
      }
    },
    wake(some) {
      for (const member of some) awake.add(member);
    },
    async stop() {
      ending.abort();
      await Promise.all(readers);
    },
  };
}

/** Reads a product by one instance, has it judged, and answers what it was and from which tier. */
export async function readProductBy({ name, service }: RelayMember, product: number, ages: Ages) {
  const start = performance.now();
  const answer = await service.fetch(productPath(product));
  const { version } = (await answer.json()) as { version: number };
  if (answer.status !== 200) throw new Error(`product ${product} was answered ${answer.status} by ${name}`);
  const { tier, flagged } = provenanceOf(answer.headers);
  ages.looked({ row: rowOf(product), version, instance: name, start, tier, flagged });
  return { tier, version };
}

async function patch({ name: by, service }: RelayMember, product: number, name: string, ages: Ages): Promise<void> {
  const answer = await service.fetch(productPath(product), {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  const { version } = (await answer.json()) as { version: number };
  if (answer.status !== 200) throw new Error(`product ${product} could not be changed by ${by}: ${answer.status}`);
  const isTold = answer.headers.get('cache-status') === null;
  ages.changed({ row: rowOf(product), version, at: performance.now(), by, isTold });
}

const rowOf = (product: number): string => `product:${product}`;

function range(first: number, length: number): number[] {
  return Array.from({ length }, (_, index) => first + index);
}
