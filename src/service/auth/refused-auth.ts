import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { Problem } from '../http/problem.ts';
import type { Logger } from '../logging/logger.ts';
import { Throttle } from '../logging/throttle.ts';

/** The reason of a refusal. `slowed`: the address had too many tokens refused, so this one was not looked up. */
export type Refusal = 'missing' | 'malformed' | 'unknown' | 'slowed';

/** Refused tokens of one address, in a row and then one each so often. */
const BURST = 10;
const MINUTE_MS = 60_000;
const EACH_MS = MINUTE_MS / BURST;

/** Addresses that are remembered: the one that was refused longest ago is forgotten first. */
const MOST_ADDRESSES = 10_000;

/** In a second so many tokens are looked up in vain, for all addresses together. Then none is that is not known. */
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
 * Counts, logs and slows down what is refused for its token. Ten tokens of an address may be refused in a minute; after that
 * a token of that address that is not known here is refused with 429, and not looked up. Tokens that are known pass: behind a
 * proxy all clients have one address.
 */
export class RefusedAuth {
  readonly #log: RefusedAuthOptions['log'];
  readonly #addressOf: RefusedAuthOptions['addressOf'];
  readonly #clock: Clock;
  readonly #throttle: Throttle;
  readonly #counts: Record<Refusal, number> = { missing: 0, malformed: 0, unknown: 0, slowed: 0 };
  /** When each address will have paid for its refusals (GCRA); the one refused last is the last. */
  readonly #paidAt = new Map<string, number>();
  #second = Number.NEGATIVE_INFINITY;
  #inVain = 0;

  constructor({ log, addressOf, clock = systemClock }: RefusedAuthOptions) {
    this.#log = log;
    this.#addressOf = addressOf;
    this.#clock = clock;
    this.#throttle = new Throttle(() => clock.now());
  }

  /** Since the start, by reason. */
  get counts(): Readonly<Record<Refusal, number>> {
    return this.#counts;
  }

  /** Addresses that are remembered. */
  get addresses(): number {
    return this.#paidAt.size;
  }

  /** A request without a token: nothing was guessed, so its address is not slowed. */
  missing(): Problem {
    return this.#refuse('missing', 'A bearer token is needed');
  }

  /** A request whose token is none that there could be. */
  malformed(request: Request, detail: string): Problem {
    return this.#refuseGuess(request, 'malformed', detail);
  }

  /** A request whose token was looked up, and is not there. */
  unknown(request: Request, detail: string): Problem {
    this.#inVain += 1;
    return this.#refuseGuess(request, 'unknown', detail);
  }

  /**
   * Lets a token be looked up that is not known here.
   * @throws {@link Problem} 429 for an address that was refused too often, and for all while too many look-ups are in vain.
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

  /** How long an address has to wait before another token of it may be refused; 0 for one that need not wait. */
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

/** Returns the name that an address is counted under: of IPv6 the network of 64 bits, which one subscriber has as a whole. */
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
