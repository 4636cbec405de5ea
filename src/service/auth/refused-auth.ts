import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { Problem } from '../http/problem.ts';
import type { Logger } from '../logging/logger.ts';
import { Throttle } from '../logging/throttle.ts';

/**
 * The reason of a refusal. `slowed` means that the address had too many tokens refused, so the service did not look this one
 * up.
 */
export type Refusal = 'missing' | 'malformed' | 'unknown' | 'slowed';

/** One address may have this many tokens refused in a row, and after that one each {@link EACH_MS}. */
const BURST = 10;
const MINUTE_MS = 60_000;
const EACH_MS = MINUTE_MS / BURST;

/** The service remembers this many addresses. Beyond it, the address that was refused longest ago is forgotten first. */
const MOST_ADDRESSES = 10_000;

/**
 * Look-ups of unknown tokens that may fail within one second, for all addresses together. After that no unknown token is
 * looked up.
 */
const IN_VAIN_PER_SECOND = 200;

/** The collaborators of {@link RefusedAuth}. */
export interface RefusedAuthOptions {
  readonly log: Pick<Logger, 'warn'>;
  /** Returns the address that a request came from; `undefined` if it is not known. */
  readonly addressOf: (request: Request) => string | undefined;
  /** Default: the platform's. */
  readonly clock?: Clock;
}

/**
 * Counts, logs and slows down the requests whose token is refused. One address may have ten tokens refused in a minute.
 * After that an unknown token of that address is refused with 429 and not looked up.
 *
 * Known tokens always pass, because all clients behind one proxy share an address.
 */
export class RefusedAuth {
  readonly #log: RefusedAuthOptions['log'];
  readonly #addressOf: RefusedAuthOptions['addressOf'];
  readonly #clock: Clock;
  readonly #throttle: Throttle;
  readonly #counts: Record<Refusal, number> = { missing: 0, malformed: 0, unknown: 0, slowed: 0 };
  /** The time at which each address will have paid for its refusals (GCRA). The address that was refused last is the last one. */
  readonly #paidAt = new Map<string, number>();
  #second = Number.NEGATIVE_INFINITY;
  #inVain = 0;

  constructor({ log, addressOf, clock = systemClock }: RefusedAuthOptions) {
    this.#log = log;
    this.#addressOf = addressOf;
    this.#clock = clock;
    this.#throttle = new Throttle(() => clock.now());
  }

  /** The refusals since the start, by reason. */
  get counts(): Readonly<Record<Refusal, number>> {
    return this.#counts;
  }

  /** The number of remembered addresses. */
  get addresses(): number {
    return this.#paidAt.size;
  }

  /** Refuses a request without a token. The client guessed nothing, so its address is not slowed. */
  missing(): Problem {
    return this.#refuse('missing', 'A bearer token is needed');
  }

  /** Refuses a request whose token does not have the form of a token. */
  malformed(request: Request, detail: string): Problem {
    return this.#refuseGuess(request, 'malformed', detail);
  }

  /** Refuses a request whose token was looked up and does not exist. */
  unknown(request: Request, detail: string): Problem {
    this.#inVain += 1;
    return this.#refuseGuess(request, 'unknown', detail);
  }

  /**
   * Allows the look-up of a token that is not known in this process.
   * @throws {@link Problem} 429 for an address that was refused too often, and for every address while too many look-ups
   *   fail.
   */
  assertMayLookUp(request: Request): void {
    const now = this.#clock.now();
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inVain = 0;
    }
    if (this.#inVain >= IN_VAIN_PER_SECOND) throw this.#slow(1_000);
    const waitMs = this.#waitMs(addressKey(this.#addressOf(request)), now);
    if (waitMs > 0) throw this.#slow(waitMs);
  }

  #refuseGuess(request: Request, reason: Refusal, detail: string): Problem {
    const address = addressKey(this.#addressOf(request));
    const now = this.#clock.now();
    const waitMs = this.#waitMs(address, now);
    if (waitMs > 0) return this.#slow(waitMs);
    this.#charge(address, now);
    return this.#refuse(reason, detail);
  }

  #refuse(reason: Refusal, detail: string): Problem {
    this.#counts[reason] += 1;
    this.#throttle.write('auth_refused', (suppressed) =>
      this.#log.warn(
        { event: 'auth_refused', reason, ...(suppressed > 0 && { suppressed }) },
        'Refused a request for its token',
      ),
    );
    return new Problem(401, detail, { 'www-authenticate': 'Bearer' });
  }

  #slow(waitMs: number): Problem {
    this.#counts.slowed += 1;
    this.#throttle.write('rate_limited', (suppressed) =>
      this.#log.warn(
        { event: 'rate_limited', what: 'authentication', ...(suppressed > 0 && { suppressed }) },
        'Refused a request whose address had too many tokens refused',
      ),
    );
    const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)));
    return new Problem(429, 'Too many tokens were refused; wait before you try another', { 'retry-after': seconds });
  }

  /** Returns the milliseconds before another token of an address may be refused; 0 for an address that need not wait. */
  #waitMs(address: string | undefined, now: number): number {
    if (address === undefined) return 0;
    const paidAt = this.#paidAt.get(address) ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, paidAt - now - (MINUTE_MS - EACH_MS));
  }

  #charge(address: string | undefined, now: number): void {
    if (address === undefined) return;
    const paidAt = Math.max(this.#paidAt.get(address) ?? now, now) + EACH_MS;
    this.#paidAt.delete(address);
    this.#paidAt.set(address, paidAt);
    const [oldest] = this.#paidAt.keys();
    if (this.#paidAt.size > MOST_ADDRESSES && oldest !== undefined) this.#paidAt.delete(oldest);
  }
}

/**
 * Returns the name under which an address is counted. For IPv6 it is the network of 64 bits, because one subscriber has all
 * of it.
 */
export function addressKey(address: string | undefined): string | undefined {
  if (address === undefined || !address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail = ''] = address.split('%', 1)[0]?.split('::') ?? [];
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === '' ? [] : tail.split(':');
  const filled = address.includes('::') ? Array.from({ length: 8 - groups.length - rest.length }, () => '0') : [];
  return [...groups, ...filled, ...rest]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
