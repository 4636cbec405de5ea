/**
 * Time as the cache sees it. Production uses {@link systemClock}; tests advance a fake by hand.
 *
 * Ages come from the monotonic clock: steps and skew of the host's date cannot expire or revive an entry. The wall clock is
 * a witness only: where it has gone further than the monotonic one, the host has slept.
 */
export interface Clock {
  /** Milliseconds since some fixed moment, never going back. May have a fraction. */
  now(): number;
  /** Milliseconds of the host's date since some fixed moment. It goes on while the host sleeps, and people may set it. */
  wall(): number;
  /**
   * Calls `run` once, after at least `ms` milliseconds.
   * @param ms Milliseconds, 0 or more; values beyond what the platform's timers hold are clamped. `Infinity` never calls.
   * @param isAwaited True if a caller waits: the process must not end before the call, or before it is cancelled. Default `false`.
   * @returns A function that cancels the call; calling it later or twice does nothing.
   */
  after(ms: number, run: () => void, isAwaited?: boolean): () => void;
}

/** Chance as the cache sees it. Production uses {@link systemRandom}; the simulator uses a seeded one. */
export interface Random {
  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /** 22 characters of the URL-safe base64 alphabet, 128 random bits: nobody else ever draws the same. */
  token(): string;
}

/** Platforms keep timers in 32 signed bits and fire at once beyond; about 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Timer = number | { unref(): void };

/** The platform's monotonic clock and timers. Timers keep a process alive only while a caller waits for them. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run, isAwaited = false) {
    if (ms === Infinity) return isAwaited ? holdProcess() : () => {};
    const timer = setTimeout(run, Math.min(ms, LONGEST_TIMER_MS)) as unknown as Timer;
    // Node and Bun give objects, which would hold the process open; Deno and browsers give numbers.
    // One of no time is no wait: whoever only gives others a turn must not find the process gone.
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

/** The platform's cryptographic randomness for tokens, its fast generator for jitter. */
export const systemRandom: Random = {
  next: () => Math.random(),
  token() {
    // 22 characters of 6 bits are 132 bits: at least the 128 that the protocol asks for.
    const bytes = crypto.getRandomValues(new Uint8Array(22));
    let token = '';
    for (const byte of bytes) token += ALPHABET[byte & 63];
    return token;
  },
};
