import { Redis } from 'ioredis';

const PIECE = 'x'.repeat(16_384);
const AT_ONCE = 64;

/** Somebody at Redis beside the service: its operator, and another application that fills it. */
export class RedisOperator implements AsyncDisposable {
  readonly #client: Redis;
  readonly #keys: string[] = [];
  #before: string | undefined;

  constructor(url: string) {
    this.#client = new Redis(url);
  }

  /** How many connections are told when a key is evicted. */
  async earsForEvictions(): Promise<number> {
    const [, count] = await this.#client.pubsub('NUMSUB', '__keyevent@0__:evicted');
    return Number(count);
  }

  /** How much memory Redis may use from now on. */
  async limitMemory(bytes: number): Promise<void> {
    this.#before ??= (await this.#client.config('GET', 'maxmemory'))[1];
    await this.#client.config('SET', 'maxmemory', bytes);
  }

  /** Stores so much for the other application. */
  async flood(bytes: number): Promise<void> {
    for (let sent = 0; sent < bytes; sent += PIECE.length * AT_ONCE) {
      const keys = Array.from({ length: AT_ONCE }, (_, index) => `flood:${this.#keys.length + index}`);
      this.#keys.push(...keys);
      await this.#client.mset(...keys.flatMap((key) => [key, PIECE]));
    }
  }

  /** Gives Redis its memory back, and removes what was stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#before !== undefined) await this.#client.config('SET', 'maxmemory', this.#before);
    if (this.#keys.length > 0) await this.#client.unlink(...this.#keys);
    await this.#client.quit();
  }
}
