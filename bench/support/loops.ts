/** Awaits a read this many times, one after the other. */
export type AwaitedLoop = (count: number) => Promise<void>;

/** Calls a read this many times. */
export type CalledLoop = (count: number) => void;

const NS_PER_MS = 1_000_000;

/**
 * Makes a loop of its own for each subject from text. Engines collect what they know of a function's calls with its
 * text. A loop that all subjects shared would be compiled for none of them.
 */
export function awaitedLoop(read: (key: string) => unknown, key: string): AwaitedLoop {
  const make = new Function(
    'read',
    'key',
    'return async (count) => { for (let i = 0; i < count; i += 1) await read(key); }',
  );
  return make(read, key);
}

/** Makes such a loop for a read that answers at once. */
export function calledLoop(read: (key: string) => unknown, key: string): CalledLoop {
  const make = new Function(
    'read',
    'key',
    'return (count) => { let last; for (let i = 0; i < count; i += 1) last = read(key); return last; }',
  );
  return make(read, key);
}

/** Makes a loop that reads all keys at once, and again when all have been answered. */
export function parallelLoop(read: (key: string) => unknown, keys: readonly string[]): AwaitedLoop {
  const make = new Function(
    'read',
    'keys',
    'return async (count) => { for (let i = 0; i < count; i += 1) await Promise.all(keys.map((key) => read(key))); }',
  );
  return make(read, keys);
}

/** Makes a loop that reads all keys, one after the other. */
export function sequentialLoop(read: (key: string) => unknown, keys: readonly string[]): AwaitedLoop {
  const make = new Function(
    'read',
    'keys',
    'return async (count) => { for (let i = 0; i < count; i += 1) for (const key of keys) await read(key); }',
  );
  return make(read, keys);
}

/** Makes a loop that reads this many new keys at once, and again when all have been answered. */
export function freshLoop(read: (key: string) => unknown, nextKey: () => string, atOnce: number): AwaitedLoop {
  const make = new Function(
    'read',
    'nextKey',
    'atOnce',
    `return async (count) => {
       for (let i = 0; i < count; i += 1) {
         const answers = [];
         for (let j = 0; j < atOnce; j += 1) answers.push(read(nextKey()));
         await Promise.all(answers);
       }
     }`,
  );
  return make(read, nextKey, atOnce);
}

/** The turns that a subject runs before it is measured. Until then the engine still compiles it. */
const WARM_UP_TURNS = 10;

/**
 * Makes turns of a loop for {@link interleave}: nanoseconds of one call. The first turn warms the loop up and finds the
 * number of calls that fills `ms`.
 */
export function turnsOf(loop: AwaitedLoop | CalledLoop, ms: number): () => Promise<number> {
  let count = 0;
  return async () => {
    if (count === 0) count = await fitting(loop, ms);
    return (await nsOf(loop, count)) / count;
  };
}

async function fitting(loop: AwaitedLoop | CalledLoop, ms: number): Promise<number> {
  const wanted = ms * NS_PER_MS;
  const began = Bun.nanoseconds();
  let count = 1;
  for (;;) {
    const ns = await nsOf(loop, count);
    // Loops whose answers are there at once let nothing else happen: neither timers nor sockets.
    await Bun.sleep(0);
    if (ns < wanted / 4) count *= 2;
    else if (Bun.nanoseconds() - began < WARM_UP_TURNS * wanted) count = fit(count, wanted / ns);
    else return fit(count, wanted / ns);
  }
}

/** A hiccup of the machine must not make a turn a hundred times as long. */
const fit = (count: number, factor: number): number => Math.max(1, Math.round(count * Math.min(factor, 4)));

async function nsOf(loop: AwaitedLoop | CalledLoop, count: number): Promise<number> {
  const began = Bun.nanoseconds();
  await loop(count);
  return Bun.nanoseconds() - began;
}

/** Makes the same turns as thousands of reads a second, for loops that make this many reads in one pass. */
export function ratesOf(loop: AwaitedLoop, ms: number, reads: number): () => Promise<number> {
  const turn = turnsOf(loop, ms);
  return async () => (reads * NS_PER_MS) / (await turn());
}
