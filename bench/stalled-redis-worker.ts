/** Runs the process that asks in `stalled-redis.ts`: `<contender> <url of Redis> <namespace>`. */
import { contenderNamed } from './support/contenders.ts';
import { fullestTiers } from './support/peer.ts';
import { serve, sharedNow } from './support/worker.ts';

/** A call. `ms` is missing until it has ended. */
export interface Call {
  /** The beginning, by the clock that all processes share. */
  readonly at: number;
  ms?: number;
}

const LOADER_MS = 5;
const PER_SECOND = 200;
/** A call that still waits this long after the end counts as one that waits for ever. */
const PATIENCE_MS = 5_000;

const [name, url = '', namespace = ''] = process.argv.slice(2);
const contender = await contenderNamed(name);

async function load(key: string): Promise<unknown> {
  await Bun.sleep(LOADER_MS);
  return { key };
}

const { read } = await contender.open({ tiers: fullestTiers(contender), url, namespace, load });
const lookups: Call[] = [];
const loads: Call[] = [];
let isAsking = false;
let underWay = 0;

/** Measures a call. An error is an answer as well, since the caller no longer waits. */
async function timed(calls: Call[], work: () => Promise<unknown>): Promise<void> {
  const call: Call = { at: sharedNow() };
  calls.push(call);
  underWay += 1;
  const began = performance.now();
  await work().catch(() => {});
  call.ms = performance.now() - began;
  underWay -= 1;
}

async function askOnAndOn(): Promise<void> {
  const began = performance.now();
  for (let count = 1; isAsking; count += 1) {
    void timed(lookups, () => read(`cold:${count}`));
    void timed(loads, () => load('alone'));
    await Bun.sleep(Math.max(0, began + (count * 1_000) / PER_SECOND - performance.now()));
  }
}

serve({
  async begin() {
    await read('cold:0');
    isAsking = true;
    void askOnAndOn();
  },
  async end() {
    isAsking = false;
    for (let waited = 0; underWay > 0 && waited < PATIENCE_MS; waited += 20) await Bun.sleep(20);
    return { lookups, loads };
  },
});
