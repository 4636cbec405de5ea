import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { bomPath, productPath, renameProduct } from '../integration/support/catalog-requests.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { Ages } from './ages.ts';
import { provenanceOf } from './client.ts';
import { CrowdPhase } from './crowd-phase.ts';
import { KeepAliveClient } from './keep-alive-client.ts';
import { Zipf } from './zipf.ts';

/** How many ask, and how often all of them together. */
export interface CrowdPlan {
  readonly clients: number;
  readonly perSecond: number;
  readonly seed: number;
}

/** Clients of some services, each with a connection of its own, and a writer beside them. */
export interface Crowd {
  /** Judges every answer that carries a version. */
  readonly ages: Ages;
  /** From now on answers belong to this phase, which begins. */
  enter(name: string): CrowdPhase;
  /** So many of a hundred requests are from now on for what nobody has asked for before. */
  askForCold(percent: number): void;
  stop(): Promise<void>;
}

const PRODUCTS = 1_000;
const BOMS = 500;
/** Every twentieth product is changed now and then; the others never are. */
const WRITTEN_EVERY = 20;
const WRITE_PAUSE_MS = 250;

/** Whether nobody changes this product. */
export const isUnwritten = (id: number): boolean => id % WRITTEN_EVERY !== 0;

/** Lets a crowd ask by these services, by turns, until it is stopped. */
export function startCrowd(services: readonly ServiceProcess[], plan: CrowdPlan, maxLagMs: number): Crowd {
  const random = new SeededRandom(plan.seed);
  const ages = new Ages(maxLagMs);
  const ending = new AbortController();
  const zipf = new Zipf(shuffled(PRODUCTS, random.fork()));
  const cold = shuffled(BOMS, random.fork());
  const pauseMs = (plan.clients / plan.perSecond) * 1_000;
  let phase = new CrowdPhase('before');
  let coldPercent = 0;

  const ask = async (client: KeepAliveClient, instance: string, chance: SeededRandom): Promise<void> => {
    const bom = chance.chance(coldPercent / 100) ? cold.pop() : undefined;
    const id = zipf.pick(chance);
    const start = performance.now();
    const asked = phase;
    try {
      const answer = await client.get(bom === undefined ? productPath(id) : bomPath(bom));
      asked.answered(answer, performance.now() - start);
      if (answer.status !== 200 || bom !== undefined) return;
      const seen = JSON.parse(answer.body) as { id: number; version: number };
      if (seen.id !== id) throw new Error(`asked for product ${id} and got ${seen.id}`);
      const { tier, flagged } = provenanceOf(answer.headers);
      ages.looked({ row: `product:${id}`, version: seen.version, instance, start, tier, flagged });
    } catch (error) {
      asked.failed(error, performance.now() - start);
    }
  };
  const run = async (index: number): Promise<void> => {
    const chance = random.fork();
    const service = services[index % services.length];
    if (service === undefined) throw new Error('there is nobody to ask');
    const client = new KeepAliveClient(service.url);
    // Not all at once.
    await Bun.sleep(chance.between(0, pauseMs));
    while (!ending.signal.aborted) {
      const next = performance.now() + chance.between(0.5, 1.5) * pauseMs;
      await ask(client, service.url, chance);
      await Bun.sleep(Math.max(next - performance.now(), 0));
    }
    client.close();
  };
  const write = async (service: ServiceProcess): Promise<void> => {
    const chance = random.fork();
    for (let label = 1; !ending.signal.aborted; label += 1) {
      const id = WRITTEN_EVERY * (1 + Math.floor(chance.next() * (PRODUCTS / WRITTEN_EVERY)));
      const answer = await renameProduct(service, id, `#${label}`);
      if (answer.status === 200) {
        const { version } = (await answer.json()) as { version: number };
        const isTold = answer.headers.get('cache-status') === null;
        ages.changed({ row: `product:${id}`, version, at: performance.now(), by: service.url, isTold });
      }
      await Bun.sleep(WRITE_PAUSE_MS);
    }
  };
  const working = [...Array.from({ length: plan.clients }, (_, index) => run(index)), ...services.map(write)];
  return {
    ages,
    enter(name) {
      phase = new CrowdPhase(name);
      return phase;
    },
    askForCold(percent) {
      coldPercent = percent;
    },
    async stop() {
      ending.abort();
      await Promise.all(working);
    },
  };
}

/** The numbers from 1 on in random order. */
function shuffled(count: number, random: SeededRandom): number[] {
  const deck = Array.from({ length: count }, (_, index) => ({ id: index + 1, rank: random.next() }));
  return deck.sort((one, other) => one.rank - other.rank).map(({ id }) => id);
}
