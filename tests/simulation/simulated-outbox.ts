import type { InvalidationMode, Targets } from '../../src/core/invalidation.ts';
import type { FollowedRows, Outbox, OutboxListener, OutboxRow, Undelivered } from '../../src/core/outbox.ts';
import { nameOf } from './chance.ts';
import type { History, InvalidationRecord } from './history.ts';
import { KEYS, type Key } from './keys.ts';
import type { OutboxTable, StoredRow } from './outbox-table.ts';
import type { Source } from './source.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** How long acknowledgements are gathered, and how long a notification takes at most. */
const GATHER_MS = 20;
const NOTIFIED_WITHIN_MS = 5;
/** Share of notifications that nobody hears. */
const LOST_SHARE = 0.1;

/** One process's way to the outbox of the simulated database. */
export class SimulatedOutbox implements Outbox {
  readonly system = 'simulated';
  readonly windowMs = 10 * 60_000;
  readonly #source: Source;
  readonly #table: OutboxTable;
  readonly #time: VirtualTime;
  readonly #history: History;
  readonly #host: Host;
  #listener: OutboxListener | undefined;
  #orders: InvalidationRecord[] = [];
  #tickets = 0;

  constructor(source: Source, time: VirtualTime, history: History, host: Host) {
    this.#source = source;
    this.#table = source.outbox;
    this.#time = time;
    this.#history = history;
    this.#host = host;
  }

  /** For a transaction of this process, whose row its writer invalidates itself. */
  draw(): string {
    this.#tickets += 1;
    return `${this.#host.name}.${this.#tickets}`;
  }

  start(listener: OutboxListener): void {
    this.#listener = listener;
  }

  lead(): Promise<{ leads: boolean; lagMs: number }> {
    return this.#query('lead', () => {
      const leads = this.#table.lead(this.#host.name, () => this.#notify());
      return { leads, lagMs: this.#table.lag() };
    });
  }

  resign(): Promise<void> {
    return this.#query('resign', () => this.#table.leave(this.#host.name));
  }

  undelivered(which: Undelivered): Promise<readonly OutboxRow[]> {
    return this.#query('undelivered', () => this.#taken(this.#table.undelivered(which === 'due')));
  }

  delivered(withinMs: number, after: string | undefined): Promise<readonly OutboxRow[]> {
    return this.#query('delivered', () => this.#taken(this.#table.delivered(withinMs, Number(after ?? 0))));
  }

  async settle(ids: readonly string[]): Promise<void> {
    await this.#query('settle', () => this.#table.settle(({ id }) => ids.includes(id)));
    for (const order of this.#orders.splice(0)) order.end = this.#time.now;
  }

  record(targets: Targets, mode: InvalidationMode): Promise<string> {
    const ticket = this.draw();
    const number = this.#table.draw();
    return this.#query('record', () => {
      this.#table.add(number, targets, mode, ticket);
      return ticket;
    });
  }

  acknowledge(ticket: string): void {
    const mark = (): void => {
      // What the database does not take is delivered once more.
      this.#query('acknowledge', () => this.#table.settle((row) => row.ticket === ticket)).catch(() => {});
    };
    this.#time.at(this.#time.now + GATHER_MS, mark, this.#host);
  }

  follow(): Promise<FollowedRows> {
    throw new Error('There is an L2 in this world');
  }

  async prune(): Promise<void> {}

  async close(): Promise<void> {}

  #query<T>(what: string, act: () => T): Promise<T> {
    return this.#source.query(this.#host, `outbox ${what}`, () => {
      this.#table.heard(this.#host.name);
      return act();
    });
  }

  /** From now until it is settled, loads of these keys may meet an invalidation. */
  #taken(rows: readonly StoredRow[]): readonly StoredRow[] {
    const keys = KEYS.filter((key) => rows.some(({ targets }) => isNamed(key, targets))).map(({ name }) => name);
    const order = { instance: this.#host.name, keys, start: this.#time.now, end: Infinity };
    if (rows.length > 0) {
      this.#history.invalidations.push(order);
      this.#orders.push(order);
    }
    return rows;
  }

  #notify(): void {
    const { now } = this.#time;
    const draw = this.#source.chance.of(nameOf(`${this.#host.name} notify`), now);
    if (draw < LOST_SHARE) return;
    this.#time.at(now + draw * NOTIFIED_WITHIN_MS, () => this.#listener?.onChange(), this.#host);
  }
}

function isNamed({ id, tagIds }: Key, { ids, tags }: Targets): boolean {
  return ids.includes(id) || tagIds.some((tag) => tags.includes(tag));
}
