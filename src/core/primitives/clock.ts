/**
 * Source of time for the cache. Production uses {@link systemClock}; tests advance a fake by hand.
 *
 * Ages come from the monotonic clock, so steps and skew of the host's date cannot expire or revive an entry. The wall
 * clock only shows that the host has slept: it has then gone further than the monotonic clock.
 */
export interface Clock {
  /** Returns milliseconds since some fixed moment. It never goes back and may have a fraction. */
  now(): number;
  /**
   * Returns milliseconds of the host's date since some fixed moment. It runs while the host sleeps, and users may set
   * it.
   */
  wall(): number;
  /**
   * Calls `run` once, after at least `ms` milliseconds.
   * @param ms Milliseconds, 0 or more. Values beyond the range of the platform's timers are clamped. `Infinity` never
   *   calls.
   * @param isAwaited True when a caller waits: the process must not end before the call or its cancellation. Default
   *   `false`.
   * @returns A function that cancels the call. Calling it later or twice does nothing.
   */
  after(ms: number, run: () => void, isAwaited?: boolean): () => void;
}

/** Source of chance for the cache. Production uses {@link systemRandom}; the simulator uses a seeded one. */
export interface Random {
  /** Returns a number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /**
   * Returns 22 characters of the URL-safe base64 alphabet. They hold 128 random bits, so no two calls return the same.
   */
  token(): string;
}

/** About 24.8 days. Platforms keep timers in 32 signed bits, and a longer timer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Timer = number | { unref(): void };

/** The platform's monotonic clock and timers. Timers keep a process alive only while a caller waits for them. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run, isAwaited = false) {
    if (ms === Infinity) return isAwaited ? holdProcess() : () => {};
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMER_MS)) as unknown as Timer;
    // Node and Bun return objects, which would hold the process open. Deno and browsers return numbers. A timer of 0 ms
    // only yields a turn. The process must not end meanwhile, so the timer keeps it alive.
    if (ms > 0 && !isAwaited && typeof timer === 'object') timer.unref();
    return () => clearTimeout(timer as unknown as number);
  },
};

/** Keeps the process alive. Returns a function that ends this. */
function holdProcess(): () => void {
  const timer = setInterval(() => {}, LONGEST_TIMER_MS);
  return () => clearInterval(timer);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The platform's randomness: a cryptographic source for tokens, a fast generator for jitter. */
export const systemRandom: Random = {
  next: () => Math.random(),
  token() {
    // 22 characters of 6 bits are 132 bits. The protocol asks for at least 128.
    const bytes = crypto.getRandomValues(new Uint8Array(22));
    let token = '';
    for (const byte of bytes) token += ALPHABET[byte & 63];
    return token;
  },
};
