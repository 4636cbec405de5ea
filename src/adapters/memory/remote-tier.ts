import type { InvalidationOrder } from '../../core/model/invalidation.ts';
import { type EntryId, fromId } from '../../core/model/key.ts';
import type { KnownTags } from '../../core/model/tags.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import type { OutcomeNote } from '../../core/ports/load-outcome.ts';
import {
  type FillRequest,
  RemoteError,
  type RemoteListener,
  type RemoteTier,
  type RepairedGeneration,
  type Session,
  type WriteRequest,
} from '../../core/ports/remote-tier.ts';
import type { SweepRequest, SweptStep } from '../../core/ports/sweeps.ts';
import type { MemoryDatabase } from './database.ts';
import type { Run, ServerLink } from './link.ts';
import { type Shape, shapeOf } from './names.ts';

/** Few keys, so that other work gets between two steps of a sweep. */
const KEYS_PER_STEP = 10;

interface Connection {
  readonly run: Run;
  /** Functions that reject the calls without a reply. A lost connection fails these calls at once. */
  readonly waiting: Set<(error: Error) => void>;
}

/** One L2 connection to a `MemoryServer`. */
export class MemoryRemoteTier implements RemoteTier {
  readonly system = 'memory';
  readonly name: string;

  readonly #server: ServerLink;
  #listener: RemoteListener | undefined;
  #connection: Connection | undefined;
  #shape: Shape = '';
  #onEvicted: ((id: EntryId) => void) | undefined;
  #cut = false;
  #attempt = 0;

  constructor(server: ServerLink, name: string) {
    this.#server = server;
    this.name = name;
  }

  /** True when calls can be made now. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  start(listener: RemoteListener, cache: CacheIdentity): void {
    this.#listener = listener;
    this.#shape = shapeOf(cache);
    this.#server.shapes.add(this.#shape);
    this.tryConnect();
  }

  beforeSending(run: () => void): void {
    queueMicrotask(run);
  }

  /** Cuts this connection alone, and keeps it cut until {@link reconnect}. */
  disconnect(): void {
    this.#cut = true;
    this.lose(new RemoteError('unavailable', 'The connection was cut'));
  }

  /** Lets a connection that was cut come back. */
  reconnect(): void {
    this.#cut = false;
    this.tryConnect();
  }

  reset(): void {
    this.lose(new RemoteError('unavailable', 'The connection was reset'));
    this.tryConnect();
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    this.#onEvicted = undefined;
    this.lose(new RemoteError('unavailable', 'The connection is closed'));
  }

  /** Ends the process at this end. The listener learns of nothing any more. Calls that were sent still arrive. */
  abandon(): void {
    this.#listener = undefined;
    this.#onEvicted = undefined;
    this.#connection = undefined;
  }

  /** The run that this connection has. The server reads it. */
  get run(): Run | undefined {
    return this.#connection?.run;
  }

  /** Ends the connection. Calls under way fail, though they may still take effect. The server calls it. */
  lose(error: Error): void {
    this.#attempt++;
    const lost = this.#connection;
    if (lost === undefined) return;
    this.#connection = undefined;
    this.#server.interrupt(() => {
      for (const reject of lost.waiting) reject(error);
      this.#listener?.onDisconnect(error);
    }, this.name);
  }

  /** Connects if a server can be reached. The server calls it when that may have changed. */
  tryConnect(): void {
    if (this.#listener === undefined || this.#cut || this.#connection !== undefined) return;
    const attempt = ++this.#attempt;
    this.#server.deliver(() => {
      const run = this.#server.reach(this.name);
      if (attempt !== this.#attempt || run === undefined) return;
      this.#connection = { run, waiting: new Set() };
      this.#listener?.onConnect();
    }, this.name);
  }

  /** Reports an entry that the server has evicted. The server calls it. */
  evicted(id: EntryId): void {
    if (this.#onEvicted !== undefined) this.#server.deliver(() => this.#onEvicted?.(id), this.name);
  }

  watchEvictions(onEvicted: ((id: EntryId) => void) | undefined): void {
    this.#onEvicted = onEvicted;
  }

  info() {
    return this.#call('info', (database) => database.info());
  }

  heartbeat(instance: string, nonce: string, wantsMark?: boolean, believed?: string) {
    const asks = { wantsMark, believed };
    return this.#call(`heartbeat ${nonce}`, (database) => database.heartbeat(this.#shape, instance, nonce, asks));
  }

  agreeGeneration(epoch: string, proposal: string, replaces?: string, after?: number) {
    const act = (database: MemoryDatabase) => database.agreeGeneration(this.#shape, epoch, proposal, replaces, after);
    return this.#call(`agreeGeneration ${proposal}`, act);
  }

  adoptGeneration(repaired: RepairedGeneration) {
    return this.#call(`adoptGeneration ${repaired.generation}`, (database) =>
      database.adoptGeneration(this.#shape, repaired),
    );
  }

  leaveMark(epoch: string, time: number) {
    return this.#call(`leaveMark ${time}`, (database) => database.leaveMark(epoch, time));
  }

  acquire(id: EntryId, generation: string, token: string, leaseMs: number, askedAt?: number) {
    return this.#call(`acquire ${id}`, (database) =>
      database.acquire(this.#shape, id, generation, token, leaseMs, askedAt),
    );
  }

  acquireMany(ids: readonly EntryId[], generation: string, token: string, leaseMs: number, askedAt: number) {
    return this.#call(`acquireMany ${ids.join(' ')}`, (database) =>
      ids.map((id) => orRefusal(() => database.acquire(this.#shape, id, generation, token, leaseMs, askedAt))),
    );
  }

  read(id: EntryId, generation: string) {
    return this.#call(`read ${id}`, (database) => database.read(this.#shape, id, generation));
  }

  readMany(ids: readonly EntryId[], generation: string) {
    return this.#call(`readMany ${ids.join(' ')}`, (database) =>
      ids.map((id) => database.read(this.#shape, id, generation)),
    );
  }

  remaining(id: EntryId, generation: string) {
    return this.#call(`remaining ${id}`, (database) => database.remaining(this.#shape, id, generation));
  }

  fill(request: FillRequest) {
    return this.#call(`fill ${request.id}`, (database) => database.fill(this.#shape, request));
  }

  release(id: EntryId, generation: string, token: string) {
    return this.#call(`release ${id}`, (database) => database.release(this.#shape, id, generation, token));
  }

  renew(id: EntryId, generation: string, token: string, leaseMs: number) {
    return this.#call(`renew ${id}`, (database) => database.renew(this.#shape, id, generation, token, leaseMs));
  }

  claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number) {
    return this.#call(`claimRefresh ${id}`, (database) =>
      database.claimRefresh(this.#shape, id, generation, token, leaseMs),
    );
  }

  renewRefresh(id: EntryId, generation: string, token: string, leaseMs: number) {
    return this.#call(`renewRefresh ${id}`, (database) =>
      database.renewRefresh(this.#shape, id, generation, token, leaseMs),
    );
  }

  releaseRefresh(id: EntryId, generation: string, token: string) {
    return this.#call(`releaseRefresh ${id}`, (database) =>
      database.releaseRefresh(this.#shape, id, generation, token),
    );
  }

  leaveOutcome(note: OutcomeNote) {
    return this.#call(`leaveOutcome ${note.id}`, (database) => database.leaveOutcome(this.#shape, note));
  }

  tagGenerations(tags: readonly EntryId[], generation: string, keepFor: number, known?: KnownTags) {
    const act = (database: MemoryDatabase) => database.tagGenerations(tags, generation, keepFor, known);
    return this.#call(`tagGenerations ${tags.join(' ')}`, act);
  }

  invalidate(order: InvalidationOrder, session: Session, isRepair?: boolean) {
    const { targets } = order;
    const what = [...targets.ids, ...targets.tags, targets.pattern?.glob ?? ''].join(' ').trim();
    return this.#call(`invalidate ${what}`, (database) => database.invalidate(this.#shape, order, session, isRepair));
  }

  write(request: WriteRequest) {
    return this.#call(`write ${request.id}`, (database) => database.write(this.#shape, request));
  }

  async sweep({ generation, namespace, matches, mode, cursor }: SweepRequest): Promise<SweptStep> {
    const scanned = await this.#call(`scan ${namespace}`, (database) =>
      database.scan(generation, KEYS_PER_STEP, cursor),
    );
    const found = scanned.filter(({ id }) => fromId(id).namespace === namespace && matches(id));
    const keys = found.map(({ key }) => key);
    const what = `sweep ${found.map(({ id }) => id).join(' ')}`;
    const touched = keys.length === 0 ? 0 : await this.#call(what, (database) => database.sweep(keys, mode));
    return scanned.length < KEYS_PER_STEP ? { touched } : { touched, cursor: scanned.at(-1)?.key };
  }

  sweepOthers(session: Session, holder: string, _cursor?: string) {
    return this.#call(`sweepOthers ${session.generation}`, (database) => database.sweepOthers(session, holder));
  }

  #call<T>(what: string, act: (database: MemoryDatabase) => T): Promise<T> {
    const connection = this.#connection;
    if (connection === undefined) {
      return Promise.reject(new RemoteError('unavailable', `${this.name} is not connected`));
    }
    const { run, waiting } = connection;
    const reply = this.#server.schedule(`${this.name} ${what}`, () => {
      // A call that was sent to one run cannot reach another. A connection that is lost meanwhile does not undo the
      // sending.
      if (!this.#server.isUp(run)) throw new RemoteError('unavailable', 'The server went away');
      return act(run.database);
    });
    return new Promise<T>((resolve, reject) => {
      waiting.add(reject);
      const settled = () => waiting.delete(reject);
      reply.then(
        (value) => {
          settled();
          resolve(value);
        },
        (error: unknown) => {
          settled();
          reject(error);
        },
      );
    });
  }
}

function orRefusal<T>(act: () => T): T | RemoteError {
  try {
    return act();
  } catch (error) {
    if (error instanceof RemoteError) return error;
    throw error;
  }
}
