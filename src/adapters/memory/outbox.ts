import { namesEverything, type Targets } from '../../core/model/invalidation.ts';
import type {
  FollowedRows,
  Lead,
  Outbox,
  OutboxListener,
  OutboxOrder,
  OutboxRow,
  Undelivered,
} from '../../core/ports/outbox.ts';
import type { Schedule } from './link.ts';
import type { MemoryOutboxTable, OutboxSession, StoredRow } from './outbox-table.ts';

const WINDOW_MS = 10 * 60_000;

/** The connection of one process to an outbox in memory. */
export class MemoryOutbox implements Outbox {
  readonly system = 'memory';
  readonly windowMs = WINDOW_MS;
  readonly #table: MemoryOutboxTable;
  readonly #schedule: Schedule;
  readonly #session: OutboxSession;
  #listener: OutboxListener | undefined;
  #tickets = 0;
  readonly #acknowledged = new Map<string, Targets>();
  #cache = '';
  #former: string | undefined;

  /**
   * @param name Name of the process, with which its tickets begin.
   * @param schedule Decides when a statement takes effect and when its answer comes. Default: at once.
   * @param notify Decides if and when a notification arrives. Default: at once.
   */
  constructor(
    table: MemoryOutboxTable,
    name: string,
    schedule: Schedule = async (_what, act) => act(),
    notify: (arrive: () => void) => void = (arrive) => arrive(),
  ) {
    this.#table = table;
    this.#schedule = schedule;
    this.#session = { name, onChange: () => notify(() => this.#listener?.onChange()) };
  }

  /** Draws a ticket for a transaction of this process. The writer acknowledges its row later. */
  draw(): string {
    this.#tickets += 1;
    return `${this.#session.name}.${this.#tickets}`;
  }

  start(listener: OutboxListener): void {
    this.#listener = listener;
  }

  lead(cache: string): Promise<Lead> {
    if (this.#cache !== '' && this.#cache !== cache) this.#former = this.#cache;
    this.#cache = cache;
    const former = this.#former;
    return this.#run('lead', () => {
      const lead = this.#table.lead(this.#session, cache);
      if (former === undefined || !(lead.leads || this.#table.isKnown(cache))) return lead;
      this.#table.forget(former);
      this.#former = undefined;
      return lead;
    });
  }

  renewed(): Promise<void> {
    return this.#run('renewed', () => this.#table.renewed(this.#cache));
  }

  resign(): Promise<void> {
    return this.#run('resign', () => this.#table.leave(this.#session));
  }

  undelivered(which: Undelivered): Promise<readonly OutboxRow[]> {
    return this.#run('undelivered', () => this.#table.undelivered(this.#cache, which === 'due'));
  }

  delivered(withinMs: number, after: string | undefined): Promise<readonly OutboxRow[]> {
    return this.#run('delivered', () => this.#table.delivered(this.#cache, withinMs, Number(after ?? 0)));
  }

  settle(ids: readonly string[]): Promise<void> {
    return this.#run('settle', () => this.#table.settle(this.#cache, ({ id }) => ids.includes(id)));
  }

  record(orders: readonly OutboxOrder[]): Promise<readonly string[]> {
    const drawn = orders.map((order) => ({ ...order, ticket: this.draw(), number: this.#table.draw() }));
    return this.#run('record', () => {
      for (const { targets, mode, ticket, number } of drawn) this.#table.commit(targets, mode, ticket, number);
      return drawn.map(({ ticket }) => ticket);
    });
  }

  acknowledge(given: string, told: Targets): void {
    this.#acknowledged.set(given, told);
    const isTold = ({ ticket, targets }: StoredRow): boolean => ticket === given && covers(told, targets);
    this.#run('acknowledge', () => this.#table.settle(this.#cache, isTold)).catch((error: unknown) =>
      this.#listener?.onError(error),
    );
  }

  async follow(cursor: string | undefined): Promise<FollowedRows> {
    const seen = cursor === undefined ? undefined : Number(cursor);
    const { committed, rows, everything } = await this.#run('follow', () => this.#table.follow(this.#session, seen));
    // A row is no news to the process that has itself invalidated all of it.
    const isOwn = ({ ticket, targets }: StoredRow): boolean => {
      const told = ticket === undefined ? undefined : this.#acknowledged.get(ticket);
      return told !== undefined && covers(told, targets);
    };
    const news = rows.filter((row) => !isOwn(row)).map(({ targets, mode }) => ({ targets, mode }));
    return { rows: news, everything, cursor: String(committed) };
  }

  prune(): Promise<void> {
    return this.#run('prune', () => this.#table.prune(this.windowMs));
  }

  async close(): Promise<void> {
    this.abandon();
  }

  /** Ends the process, and its session with it. */
  abandon(): void {
    this.#listener = undefined;
    this.#table.leave(this.#session);
  }

  #run<T>(what: string, act: () => T): Promise<T> {
    return this.#schedule(`${this.#session.name} outbox ${what}`, () => {
      this.#table.heard(this.#session);
      return act();
    });
  }
}

/** Returns true when an invalidation of one set of targets covers all of the other. */
function covers(told: Targets, { ids, tags }: Targets): boolean {
  if (namesEverything(told)) return true;
  return ids.every((id) => told.ids.includes(id)) && tags.every((tag) => told.tags.includes(tag));
}
