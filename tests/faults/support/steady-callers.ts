import type { TieredCache } from 'tiercel';
import { isCacheError } from 'tiercel';
import { until } from '../../../src/testing/until.ts';

/** A call that has ended. */
export interface Call {
  /** When it began. */
  readonly at: number;
  readonly ms: number;
}

/** Callers at work, and what became of their calls. */
export interface Caller {
  /** Of keys that nobody has asked for before, so that every one of them needs a load. */
  readonly lookups: readonly Call[];
  /** The same loader at the same moments, without the cache. */
  readonly loads: readonly Call[];
  /** What a lookup rejected with. */
  readonly errors: readonly unknown[];
  /** Lookups that were answered with something else than what was loaded for their key. */
  readonly wrong: number;
  /** Invalidations that Redis was told of, and those that it is owed. */
  readonly told: readonly Call[];
  readonly pending: readonly Call[];
  /** Ends when every call has ended. @throws Error when one does not. */
  stop(): Promise<void>;
}

/** How long a load takes. */
export const LOADER_MS = 5;
const INVALIDATIONS_PER_SECOND = 5;
/** Longer than any call may take. */
const PATIENCE_MS = 12_000;

/** Has a cache asked at a steady pace: whoever comes does not wait for those before. */
export function startCallers(cache: TieredCache, perSecond: number): Caller {
  const lookups: Call[] = [];
  const loads: Call[] = [];
  const errors: unknown[] = [];
  const told: Call[] = [];
  const pending: Call[] = [];
  let wrong = 0;
  let underWay = 0;

  const timed = async (calls: Call[], work: () => Promise<unknown>): Promise<void> => {
    const at = performance.now();
    await work();
    calls.push({ at, ms: performance.now() - at });
  };
  const lookUp = async (key: string): Promise<void> => {
    await timed(lookups, async () => {
      const value = await cache.getOrSet(key, () => load(key)).catch((error: unknown) => void errors.push(error));
      if (value !== undefined && value !== key) wrong += 1;
    });
  };
  const invalidate = async (key: string): Promise<void> => {
    const at = performance.now();
    try {
      await cache.delete(key);
      told.push({ at, ms: performance.now() - at });
    } catch (error) {
      if (isCacheError(error) && error.code === 'INVALIDATION_PENDING')
        pending.push({ at, ms: performance.now() - at });
      else errors.push(error);
    }
  };
  const begin = (call: Promise<void>): void => {
    underWay += 1;
    void call.finally(() => {
      underWay -= 1;
    });
  };
  const stopped = everySoOften(perSecond, (count) => {
    begin(lookUp(`cold:${count}`));
    begin(timed(loads, () => load('bare')));
    if (count % Math.ceil(perSecond / INVALIDATIONS_PER_SECOND) === 0) begin(invalidate(`cold:${count - 1}`));
  });
  return {
    lookups,
    loads,
    errors,
    get wrong() {
      return wrong;
    },
    told,
    pending,
    async stop() {
      await stopped();
      await until(() => underWay === 0, { what: 'every call to end', within: PATIENCE_MS });
    },
  };
}

/** Acts so often in a second, by the clock; the result ends it. */
function everySoOften(perSecond: number, act: (count: number) => void): () => Promise<void> {
  let isEnding = false;
  const run = async (): Promise<void> => {
    const began = performance.now();
    for (let count = 1; !isEnding; count += 1) {
      act(count);
      await Bun.sleep(Math.max(began + (count * 1_000) / perSecond - performance.now(), 0));
    }
  };
  const running = run();
  return () => {
    isEnding = true;
    return running;
  };
}

async function load<T>(value: T): Promise<T> {
  await Bun.sleep(LOADER_MS);
  return value;
}
