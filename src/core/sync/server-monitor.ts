import { type EntryId, fromId, groupOf, OTHER_GROUP } from '../model/key.ts';
import { isUnavailable, RemoteError } from '../ports/remote-tier.ts';
import type { RemoteInfo } from '../ports/server-info.ts';
import { PeriodicTask } from '../primitives/periodic-task.ts';
import { TimeoutExceeded, withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';

/** The pause between two looks at a server that can be used. */
const EVERY_MS = 5_000;

/** The share by which each pause is shortened at most, at random. A fleet does not ask as one then. */
const JITTER = 0.25;

/** The pause between two looks at a server that has refused to answer. */
const REFUSED_MS = 5 * 60_000;

/** The time limit of one look. It is much longer than that of a read, because no caller waits for a look. */
const BUDGET_MS = 1_000;

/** Share of its limit above which a server's memory is nearly full. */
const NEARLY_FULL = 0.9;

/** Evicted keys between two looks, after which no more are listened to: a flood of them is not worth the time. */
const MOST_HEARD = 5_000;

/** The result of one look. */
interface Sight {
  readonly info: RemoteInfo;
  readonly at: number;
  /** The run of the server that gave it. */
  readonly epoch: string;
  /** Keys that it had evicted since the look before. */
  readonly evicted: number;
}

/** The status of the L2 server at the last look. */
export interface ServerStatus {
  /** Its information of the last look, which may be long ago while it is away or no caller uses the cache. */
  readonly server: RemoteInfo | undefined;
  /** The age of that information in milliseconds. */
  readonly serverAgeMs: number | undefined;
  /** True when it uses 90 % or more of the memory that it may use. */
  readonly isMemoryNearLimit: boolean;
  /** True when it has evicted keys between the last two looks. */
  readonly isEvicting: boolean;
}

/**
 * Looks every few seconds at what the L2 server says of itself, and tells when it has dropped keys to make room.
 *
 * It looks only while L2 is in use: heartbeats that rest let it rest too, and the next one wakes it. A look counts neither
 * as a use of the cache nor for the breaker, and what comes of it changes no answer.
 */
export class ServerMonitor {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #looks: PeriodicTask;
  readonly #groups: EvictedGroups;
  #last: Sight | undefined;
  #dueAt = Number.NEGATIVE_INFINITY;
  /** L2 could not be used at the last step: the next heartbeat wakes it. */
  #isDormant = false;
  #isRefused = false;

  constructor(context: CacheContext, l2: GuardedL2) {
    this.#context = context;
    this.#l2 = l2;
    this.#looks = new PeriodicTask(context.clock, () => this.#step());
    this.#groups = new EvictedGroups((key) => context.counters.of(key).group);
  }

  /** Returns the status without asking the server. */
  get known(): ServerStatus {
    const { info, at, evicted } = this.#last ?? {};
    return {
      server: info,
      serverAgeMs: at === undefined ? undefined : this.#context.clock.now() - at,
      isMemoryNearLimit: info !== undefined && info.memory.usedBytes >= info.memory.limitBytes * NEARLY_FULL,
      isEvicting: evicted !== undefined && evicted > 0,
    };
  }

  start(): void {
    this.#looks.start();
  }

  /** A heartbeat was answered: L2 can be used, or will be in a moment. */
  heartbeat(): void {
    if (this.#isDormant) this.#looks.wake();
  }

  /** Waits for the look under way. The tier ends what it tells of evictions when it is closed. */
  close(): Promise<void> {
    return this.#looks.close();
  }

  async #step(): Promise<number> {
    const { clock, random } = this.#context;
    const wasDormant = this.#isDormant;
    this.#isDormant = this.#l2.refusal !== undefined;
    if (this.#isDormant) return Infinity;
    const now = clock.now();
    // A server that is back serves its callers first, so questions that were due meanwhile are asked one by one.
    if (wasDormant && this.#last !== undefined && now >= this.#dueAt) this.#dueAt = now + EVERY_MS * random.next();
    if (now < this.#dueAt) return this.#dueAt - now;
    await this.#look();
    const pauseMs = (this.#isRefused ? REFUSED_MS : EVERY_MS) * (1 - JITTER * random.next());
    this.#dueAt = clock.now() + pauseMs;
    return pauseMs;
  }

  async #look(): Promise<void> {
    const { clock } = this.#context;
    const epoch = this.#l2.session?.epoch;
    try {
      const info = await withTimeout(clock, BUDGET_MS, this.#l2.tier.info());
      this.#isRefused = false;
      // The address may lead to another server since the question. The answer then belongs to neither for certain.
      if (epoch !== undefined && epoch === this.#l2.session?.epoch) this.#take(info, epoch);
    } catch (error) {
      this.#report(error);
    }
  }

  #take(info: RemoteInfo, epoch: string): void {
    const evicted = this.#newlyEvicted(info.commands.evictedKeys, epoch);
    this.#last = { info, at: this.#context.clock.now(), epoch, evicted };
    if (evicted > 0) this.#context.emit({ type: 'eviction', count: evicted, groups: this.#groups.take() });
    this.#listen(info);
  }

  /** Counts the keys evicted since the last look. A number of another run says nothing; a smaller one was reset. */
  #newlyEvicted(now: number, epoch: string): number {
    if (epoch !== this.#last?.epoch) return 0;
    const before = this.#last.info.commands.evictedKeys;
    return now < before ? now : now - before;
  }

  /** Listens to evictions where the server can evict keys. */
  #listen({ memory }: RemoteInfo): void {
    const canEvict = Number.isFinite(memory.limitBytes) && memory.evictionPolicy !== 'noeviction';
    const note = (id: EntryId): void => {
      this.#groups.note(id);
      if (this.#groups.noted >= MOST_HEARD) this.#watch(undefined);
    };
    this.#watch(canEvict ? note : undefined);
  }

  /** Starts or ends listening to evictions. A failure changes nothing else. */
  #watch(note: ((id: EntryId) => void) | undefined): void {
    try {
      this.#l2.tier.watchEvictions(note);
    } catch (error) {
      this.#report(error);
    }
  }

  /** Reports a failure once. The heartbeat loop reports servers that are away or slow. */
  #report(error: unknown): void {
    if (error instanceof TimeoutExceeded) return;
    if (isUnavailable(error)) return;
    if (!this.#isRefused) {
      const isDenied = error instanceof RemoteError && error.failure === 'denied';
      if (isDenied) this.#context.emit({ type: 'alarm', error });
      else this.#context.emit({ type: 'tier_failure', error, operation: 'info', tier: 'l2', background: true });
    }
    this.#isRefused = true;
  }
}

/** The number of groups in one report. */
const MOST_TOLD = 20;

/** The number of groups that are counted apart between two reports. Keys of further groups are counted together. */
const MOST_KEPT = 200;

/** Counts entries by the group of their key. What it keeps is bounded however keys are made, and however many there are. */
export class EvictedGroups {
  readonly #groupOf: (key: string) => string;
  readonly #counts = new Map<string, number>();
  #noted = 0;

  /** @param rule Names a key's group. Default: {@link groupOf}. */
  constructor(rule: (key: string) => string = groupOf) {
    this.#groupOf = rule;
  }

  /** The number of entries noted since the last {@link take}. */
  get noted(): number {
    return this.#noted;
  }

  note(id: EntryId): void {
    this.#noted += 1;
    const group = this.#groupOf(fromId(id).key);
    const isKept = this.#counts.has(group) || this.#counts.size < MOST_KEPT;
    const name = isKept ? group : OTHER_GROUP;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** Returns the groups with the most evicted keys, and begins to count anew. */
  take(): Readonly<Record<string, number>> {
    const most = [...this.#counts].sort(([, one], [, other]) => other - one).slice(0, MOST_TOLD);
    this.#counts.clear();
    this.#noted = 0;
    // Defines each name anew, `__proto__` included.
    return Object.fromEntries(most);
  }
}
