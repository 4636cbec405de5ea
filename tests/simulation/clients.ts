import { type CacheView, isCacheError, type Loader, type ReadOptions } from '../../src/index.ts';
import type { InvalidationRecord, LoadRecord, ReadRecord, Row, WriteRecord } from './history.ts';
import type { Instance } from './instance.ts';
import { KEYS, type Key, keyNamed, namedBy, PATTERN } from './keys.ts';
import type { Operation } from './plan.ts';
import type { World } from './world.ts';

type Read = Extract<Operation, { kind: 'read' }>;
type Write = Extract<Operation, { kind: 'write' }>;
type Set_ = Extract<Operation, { kind: 'set' }>;

/** After a write-through that L2 did not take, its request may still be under way for so long. */
const LATE_EFFECT_MS = 10_000;

/** Everybody who uses the fleet: does what a plan says and writes down what came of it. */
export class Clients {
  readonly #world: World;
  readonly #keys: readonly Key[];
  /** Until when a key that is written through belongs to one writer; see {@link Key.writtenThrough}. */
  readonly #taken = new Map<string, number>();
  #writes = 0;

  constructor(world: World) {
    this.#world = world;
    this.#keys = KEYS.filter(({ name }) => world.setting.keys.includes(name));
  }

  perform(instance: Instance, operation: Operation): void {
    const key = keyNamed(operation.key);
    switch (operation.kind) {
      case 'read':
        this.read(instance, key, operation);
        break;
      case 'get':
      case 'peek':
        this.#look(instance, key, operation.kind);
        break;
      case 'write':
        this.#write(instance, key, operation);
        break;
      case 'set':
        this.#set(instance, key, operation);
        break;
    }
  }

  read(instance: Instance, key: Key, { naming, forceFresh, patience }: Omit<Read, 'kind' | 'key'>): void {
    const { time, history } = this.#world;
    const tags = [key.tag];
    const loader: Loader<Row | null> = ({ setTags, signal }) => {
      if (naming === 'loader') setTags(tags);
      return this.#load(instance, key, forceFresh === true, signal);
    };
    const named = naming === 'before' ? { tags } : naming === 'value' ? { tags: () => tags } : {};
    const options: ReadOptions<Row | null> = {
      ...this.#world.setting.policies[key.name],
      ...named,
      ...(forceFresh && { forceFresh }),
      ...(patience !== undefined && { signal: this.#signalAfter(instance, patience) }),
    };
    const open = { instance: instance.name, key: key.name, start: time.now };
    history.open.add(open);
    viewOf(instance, key)
      .lookup(key.key, loader, options)
      .then(
        ({ value, state, tier, steps }) => {
          history.open.delete(open);
          this.#answered(open, value, {
            flagged: state === 'stale',
            tier,
            isInL2: steps.l2?.stored === true,
            bypassedL2: steps.l2?.outcome === 'bypass',
          });
        },
        (error: unknown) => {
          history.open.delete(open);
          if (patience !== undefined && isAbort(error)) return;
          this.#failed(open, error);
        },
      );
  }

  /** `get` and `peek`: a value that is there, or nothing. */
  #look(instance: Instance, key: Key, kind: 'get' | 'peek'): void {
    const open = { instance: instance.name, key: key.name, start: this.#world.time.now };
    const answered = (value: Row | null | undefined): void => {
      this.#world.history.open.delete(open);
      if (value !== undefined)
        this.#answered(open, value, { flagged: false, tier: 'cache', isInL2: false, bypassedL2: false });
    };
    const view = viewOf(instance, key);
    if (kind === 'peek') {
      answered(view.peek<Row | null>(key.key));
      return;
    }
    this.#world.history.open.add(open);
    view.get<Row | null>(key.key).then(answered, (error: unknown) => this.#failed(open, error));
  }

  /** Commit, then invalidation. */
  #write(instance: Instance, key: Key, { how: wanted, mode, all }: Write): void {
    // The pattern does not match every key.
    const how = namedBy(wanted, key, this.#keys).includes(key) ? wanted : 'key';
    const named = namedBy(how, key, this.#keys);
    // A key that is written through and still belongs to another writer is only invalidated.
    const written = (all ? named : [key]).filter((each) => this.#take(each));
    if (written.length === 0) return;
    this.#commit(instance, written, named, mode, (writes) =>
      instance.debts.during(writes, () => this.#invalidate(instance, key, how, mode)).then(() => true),
    );
  }

  /** Commit, then the value into the cache. */
  #set(instance: Instance, key: Key, { versioned }: Set_): void {
    if (!this.#take(key)) return;
    this.#commit(instance, [key], [key], 'delete', (writes, row) =>
      instance.debts.during(writes, () =>
        viewOf(instance, key).set(key.key, row, {
          ttl: this.#world.setting.policies[key.name]?.ttl ?? 0,
          tags: [key.tag],
          ...(versioned && { version: row.version }),
        }),
      ),
    );
  }

  /**
   * Commits, and then makes it known with `publish`, which answers whether L2 has heard. What a process has committed and
   * not made known when it crashes is nobody's promise: there is no outbox to remember it.
   */
  #commit(
    instance: Instance,
    keys: readonly Key[],
    named: readonly Key[],
    mode: 'delete' | 'expire',
    publish: (writes: readonly WriteRecord[], row: Row) => Promise<boolean>,
  ): void {
    const { time, history, source } = this.#world;
    const start = time.now;
    const names = keys.map(({ name }) => name);
    const release = (lateMs: number): void => {
      for (const name of names) this.#taken.set(name, time.now + lateMs);
    };
    const committed = async (rows: readonly Row[]): Promise<void> => {
      const writes = rows.map(
        ({ key, version }): WriteRecord => ({
          kind: 'write',
          instance: instance.name,
          key,
          version,
          mode,
          start,
          committedAt: time.now,
          acknowledgedAt: undefined,
          deliveredAt: undefined,
        }),
      );
      history.writes.push(...writes);
      const order: InvalidationRecord = {
        instance: instance.name,
        keys: named.map(({ name }) => name),
        start: time.now,
        end: Infinity,
      };
      history.invalidations.push(order);
      const [row] = rows;
      if (row === undefined) return;
      this.#writes += 1;
      const number = this.#writes;
      this.#world.note(() => `${instance.name} has committed ${describeRows(rows)} (write ${number})`);
      const isKnown = await publish(writes, row).catch((error: unknown) => {
        if (isCacheError(error) && error.code === 'INVALIDATION_PENDING') return false;
        throw error;
      });
      for (const write of writes) write.acknowledgedAt = time.now;
      order.end = time.now;
      this.#world.note(() => `${instance.name} acknowledges write ${number}${isKnown ? '' : ', but L2 does not know'}`);
      release(isKnown ? 0 : LATE_EFFECT_MS);
    };
    source
      .commit(instance.host, names)
      .then(committed)
      .catch((error: unknown) => {
        release(0);
        this.#failed({ instance: instance.name, key: names[0] ?? '', start }, error);
      });
  }

  /** Whether a key may be written now; it is then taken until its writer gives it back. */
  #take({ name, writtenThrough }: Key): boolean {
    if (!writtenThrough) return true;
    if ((this.#taken.get(name) ?? 0) > this.#world.time.now) return false;
    this.#taken.set(name, Infinity);
    return true;
  }

  #invalidate(instance: Instance, key: Key, how: Write['how'], mode: 'delete' | 'expire'): Promise<unknown> {
    const view = viewOf(instance, key);
    switch (how) {
      case 'key':
        return mode === 'delete' ? view.delete(key.key) : view.expire(key.key);
      case 'tag':
        return view.invalidate({ tags: [key.tag], mode });
      case 'pattern':
        return view.invalidate({ pattern: PATTERN, mode });
      case 'clear':
        return view.clear();
    }
  }

  #load(instance: Instance, key: Key, forced: boolean, signal: AbortSignal): Promise<Row | null> {
    const { time, history, source } = this.#world;
    const load: LoadRecord = {
      instance: instance.name,
      key: key.name,
      start: time.now,
      end: Infinity,
      forced,
      waited: time.now - history.waitingSince(instance.name, key.name, time.now),
    };
    history.loads.push(load);
    this.#world.note(() => `${instance.name} loads ${key.name}`);
    const end = (): void => {
      load.end = Math.min(load.end, time.now);
    };
    signal.addEventListener('abort', end, { once: true });
    const loading = source.load(instance.host, key.name);
    loading.then(end, end);
    return loading;
  }

  #signalAfter({ host }: Instance, ms: number): AbortSignal {
    const abort = new AbortController();
    this.#world.time.at(this.#world.time.now + ms, () => abort.abort(), host);
    return abort.signal;
  }

  #answered(
    { instance, key, start }: { readonly instance: string; readonly key: string; readonly start: number },
    row: Row | null,
    how: Pick<ReadRecord, 'flagged' | 'tier' | 'isInL2' | 'bypassedL2'>,
  ): void {
    const { time, history } = this.#world;
    const version = row?.version ?? 0;
    history.reads.push({ kind: 'read', instance, key, version, row: row ?? undefined, start, end: time.now, ...how });
    this.#world.note(
      () =>
        `${instance} reads ${key} = ${version} from ${how.tier}${how.flagged ? ' (stale)' : ''}, asked at ${start.toFixed(1)}`,
    );
  }

  #failed(read: { readonly instance: string; readonly key: string; readonly start: number }, error: unknown): void {
    const { time, history } = this.#world;
    history.failures.push({ instance: read.instance, key: read.key, at: time.now, error });
    this.#world.note(() => `${read.instance} gets an error for ${read.key}: ${String(error)}`);
  }
}

function viewOf({ cache }: Instance, { path }: Key): CacheView {
  let view: CacheView = cache;
  for (const name of path) view = view.namespace(name);
  return view;
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function describeRows(rows: readonly Row[]): string {
  return rows.map(({ key, version }) => `${key} = ${version}`).join(', ');
}
