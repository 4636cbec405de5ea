import { MemoryOutboxTable } from '../../src/adapters/memory/index.ts';
import { type Chance, nameOf } from './chance.ts';
import type { Row, WriteRecord } from './history.ts';
import { keyNamed } from './keys.ts';
import { Host, type VirtualTime } from './virtual-time.ts';

/** What the database throws while it fails. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** Few, so that passes have several. */
const ROWS_AT_ONCE = 10;

/** What a transaction does beside changing its rows. */
export interface Commit {
  /** Told of the rows at the moment of the commit. */
  readonly onCommit: (rows: readonly Row[]) => readonly WriteRecord[];
  /** Whether triggers write down what it makes untrue; `ticket`: its writer invalidates that itself. */
  readonly recorded: false | { readonly ticket: string | undefined };
}

const NO_TROUBLE = { until: 0, fails: false, byMs: 0 };

/** The database: the truth. A row that was never committed is absent. */
export class Source {
  readonly #time: VirtualTime;
  readonly chance: Chance;
  readonly outbox: MemoryOutboxTable;
  /** By the row that remembers them: what its delivery makes known. */
  readonly #remembered = new Map<string, readonly WriteRecord[]>();
  /** When each version of a row was committed, the first first. */
  readonly #commits = new Map<string, number[]>();
  /** Latency of each direction, in milliseconds. */
  latency: readonly [low: number, high: number];
  /** Every query fails until then. */
  failingUntil = 0;
  /** Statements that write orders down, and begin before `until`, fail or take so much longer. */
  recording: { readonly until: number; readonly fails: boolean; readonly byMs: number } = NO_TROUBLE;
  readonly #slow = new Map<Host, { readonly until: number; readonly byMs: number }>();

  constructor(time: VirtualTime, chance: Chance, latency: readonly [low: number, high: number]) {
    this.#time = time;
    this.chance = chance;
    this.outbox = new MemoryOutboxTable({
      clock: time.clockOf(new Host('database')),
      rowsAtOnce: ROWS_AT_ONCE,
      onDelivered: ({ id }) => {
        for (const write of this.#remembered.get(id) ?? []) write.deliveredAt ??= time.now;
      },
    });
    this.latency = latency;
  }

  /** Queries of that process that begin before `until` take so much longer to be answered. */
  slow(host: Host, until: number, byMs: number): void {
    this.#slow.set(host, { until, byMs });
  }

  /** How often a row was committed. */
  version(key: string): number {
    return this.#commits.get(key)?.length ?? 0;
  }

  /** When a version was committed; `undefined` if it never was. */
  committedAt(key: string, version: number): number | undefined {
    return this.#commits.get(key)?.[version - 1];
  }

  load(host: Host, key: string): Promise<Row | null> {
    return this.query(host, key, () => {
      const version = this.version(key);
      return version === 0 ? null : { key, version, loadedAt: this.#time.now };
    });
  }

  /** One transaction; answers the rows as they are now. Its outbox row takes its number when it begins. */
  commit(host: Host, keys: readonly string[], { onCommit, recorded }: Commit): Promise<Row[]> {
    const number = this.outbox.draw();
    return this.query(host, keys[0] ?? '', () => {
      const rows = keys.map((key) => {
        const commits = this.#commits.get(key) ?? [];
        this.#commits.set(key, commits);
        const version = commits.push(this.#time.now);
        return { key, version, loadedAt: this.#time.now };
      });
      const writes = onCommit(rows);
      if (recorded !== false) {
        const ids = keys.map((key) => keyNamed(key).id);
        const { id } = this.outbox.commit({ ids, tags: [] }, 'delete', recorded.ticket, number);
        this.#remembered.set(id, writes);
      }
      return rows;
    });
  }

  /** A row as its next commit will leave it, for a writer to whom the key belongs until then. */
  next(key: string): Row {
    return { key, version: this.version(key) + 1, loadedAt: this.#time.now };
  }

  /** Commits what {@link next} has given out, at this moment. */
  commitNow({ key, version }: Row): void {
    const commits = this.#commits.get(key) ?? [];
    if (version !== commits.length + 1) throw new Error(`Version ${version} of ${key} is not the next one`);
    this.#commits.set(key, commits);
    commits.push(this.#time.now);
  }

  /** As {@link query}. A statement that fails may fail before it has taken effect, or after. */
  async record<T>(host: Host, what: string, act: () => T): Promise<T> {
    const { until, fails, byMs } = this.recording;
    const whom = nameOf(`${host.name} ${what} trouble`);
    const began = this.#time.now;
    if (began >= until) return this.query(host, what, act);
    if (byMs > 0) await new Promise<void>((resume) => this.#time.at(began + byMs, resume));
    const isLost = fails && this.chance.of(whom, began) < 0.5;
    if (fails && !isLost) throw new SourceError('The database refuses to write');
    const result = await this.query(host, what, act);
    if (isLost) throw new SourceError('The answer is lost');
    return result;
  }

  /** It acts at one moment between the request and the answer. */
  query<T>(host: Host, about: string, act: () => T): Promise<T> {
    const whom = nameOf(`${host.name} ${about}`);
    const began = this.#time.now;
    const there = this.chance.between(whom, began, this.latency);
    const { until = 0, byMs = 0 } = this.#slow.get(host) ?? {};
    const back = this.chance.between(~whom, began, this.latency) + (began < until ? byMs : 0);
    return new Promise((resolve, reject) => {
      this.#time.at(began + there, () => {
        const fails = this.#time.now < this.failingUntil;
        const result = fails ? undefined : { value: act() };
        this.#time.at(
          this.#time.now + back,
          () => (result === undefined ? reject(new SourceError('The database is away')) : resolve(result.value)),
          host,
        );
      });
    });
  }
}
