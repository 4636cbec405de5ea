import { productPath } from '../integration/support/catalog-requests.ts';
import { SeededRandom } from '../simulation/seeded-random.ts';
import type { Ages } from './ages.ts';
import { provenanceOf } from './client.ts';
import type { RelayFleet, RelayMember } from './relay-fleet.ts';

/** Clients of each instance that read all the time. */
const READERS = 2;
/** Between two reads of one client, at random up to this, in milliseconds. */
const READ_PAUSE_MS = 10;
/** Products that are changed and read. */
const CHANGED = Array.from({ length: 60 }, (_, index) => index + 1);

/** Clients at work. */
export interface OutageLoad {
  /** Makes so many changes, one after another over so much time, by each instance and by psql in turn. */
  write(count: number, overMs: number, writers: readonly Writer[]): Promise<void>;
  /** Ends when what is under way has ended. */
  stop(): Promise<void>;
}

/** An instance, or a program that knows nothing of the cache. */
export type Writer = RelayMember | 'psql';

/** Lets clients read by every instance, and judges what they are answered. */
export function startReaders({ members, psql }: RelayFleet, ages: Ages, seed: number): OutageLoad {
  const random = new SeededRandom(seed);
  const ending = new AbortController();
  const read = async (member: RelayMember): Promise<void> => {
    const chance = random.fork();
    while (!ending.signal.aborted) {
      await readProductBy(member, chance.pick(CHANGED), ages);
      await Bun.sleep(chance.between(0, READ_PAUSE_MS));
    }
  };
  const readers = members.flatMap((member) => Array.from({ length: READERS }, () => read(member)));
  const chance = random.fork();
  let label = 0;
  return {
    async write(count, overMs, writers) {
      const began = performance.now();
      for (let done = 0; done < count; done += 1) {
        const writer = writers[done % writers.length];
        label += 1;
        const product = chance.pick(CHANGED);
        const name = `#${label}`;
        if (writer === 'psql') {
          const [row] = await psql<{ version: number }[]>`
            update products set name = ${name} where id = ${product} returning version::int`;
          ages.changed({
            row: rowOf(product),
            version: row?.version ?? 0,
            at: performance.now(),
            by: undefined,
            isTold: false,
          });
        } else if (writer !== undefined) await patch(writer, product, name, ages);
        const next = began + ((done + 1) * overMs) / count;
        await Bun.sleep(Math.max(next - performance.now(), 0));
      }
    },
    async stop() {
      ending.abort();
      await Promise.all(readers);
    },
  };
}

/** Reads a product by one instance, has it judged, and answers its tier. */
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
