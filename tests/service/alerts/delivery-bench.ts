import type { Notice } from '../../../src/service/alerts/alert.ts';
import { Delivery } from '../../../src/service/alerts/delivery.ts';
import type { Post, ReceiverAnswer } from '../../../src/service/alerts/webhook.ts';
import { createLogger, type Logger } from '../../../src/service/logging/logger.ts';
import { Host, VirtualTime } from '../../simulation/virtual-time.ts';

type Line = Readonly<Record<string, unknown>>;

/** The receiver's part in one try: an answer, an error of the network, or nothing at all. */
export type Reply = number | ReceiverAnswer | Error | 'nothing';

/** Midnight in virtual time. */
export const TODAY = Date.parse('2026-11-26T00:00:00Z');

let made = 0;

/** A notice that can be told from all others by its text. */
export function notice(parts: Partial<Notice> = {}): Notice {
  made += 1;
  return {
    alert: 'redis_unavailable',
    state: 'firing',
    severity: 'critical',
    text: `notice ${made}`,
    since: `2026-11-26T00:00:${String(made % 60).padStart(2, '0')}.000Z`,
    service: 'tiercel',
    instance: 'here:1',
    value: null,
    threshold: null,
    ...parts,
  };
}

/** A delivery whose receiver does as it is told; time passes when a test says so. */
export class DeliveryBench {
  readonly time = new VirtualTime();
  readonly delivery: Delivery;
  readonly log: readonly Line[];
  /** When each try began, and of what. */
  readonly tries: { readonly at: number; readonly text: string }[] = [];
  /** What the next tries come to; after them, all are taken. */
  readonly replies: Reply[] = [];
  mostAtOnce = 0;
  #atOnce = 0;

  private constructor(log: Logger, lines: readonly Line[]) {
    this.log = lines;
    const clock = this.time.clockOf(new Host('service'));
    const random = { next: () => 0 };
    this.delivery = new Delivery({ post: this.#post, log, clock, random, today: () => TODAY + this.time.now });
  }

  static async make(): Promise<DeliveryBench> {
    const lines: Line[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line));
    return new DeliveryBench(await createLogger({ level: 'trace', format: 'json' }, { write }), lines);
  }

  pass(ms: number): void {
    this.time.runUntil(this.time.now + ms);
  }

  /** Tries that have not ended. */
  get underWay(): number {
    return this.#atOnce;
  }

  /** Moments of the tries, in milliseconds. */
  get triedAt(): number[] {
    return this.tries.map(({ at }) => at);
  }

  get tried(): string[] {
    return this.tries.map(({ text }) => text);
  }

  readonly #post: Post = async ({ text }, signal) => {
    this.tries.push({ at: this.time.now, text });
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    try {
      const reply = this.replies.shift() ?? 200;
      if (reply instanceof Error) throw reply;
      if (reply === 'nothing') return await new Promise<never>((_, fail) => onAbort(signal, fail));
      return typeof reply === 'number' ? { status: reply, retryAfter: null } : reply;
    } finally {
      this.#atOnce -= 1;
    }
  };
}

function onAbort(signal: AbortSignal, run: (reason: unknown) => void): void {
  signal.addEventListener('abort', () => run(signal.reason), { once: true });
}
