import { type InvalidateOptions, isCacheError } from '../../src/index.ts';
import type { InvalidationRecord, Row, WriteRecord } from './history.ts';
import { type Instance, viewOf } from './instance.ts';
import { KEYS, type Key, keyNamed, namedBy, neighboursOf, PATTERN } from './keys.ts';
import type { Operation } from './plan.ts';
import type { World } from './world.ts';

type Write = Omit<Extract<Operation, { kind: 'write' }>, 'kind' | 'key'>;
type WriteThrough = Omit<Extract<Operation, { kind: 'set' }>, 'kind' | 'key'>;

/** After a write-through that L2 did not take, its request may still be under way for so long. */
const LATE_EFFECT_MS = 10_000;

/** How a change is made known. */
interface CommitOptions {
  readonly mode: 'delete' | 'expire';
  readonly ticket: string | undefined;
  readonly byTag?: boolean;
}

/** Everybody who writes: a transaction first, then the cache is told. */
export class Writers {
  readonly #world: World;
  readonly #keys: readonly Key[];
  /** Until when a key that is written through belongs to one writer; see {@link Key.writtenThrough}. */
  readonly #taken = new Map<string, number>();
  #writes = 0;

  constructor(world: World) {
    this.#world = world;
    this.#keys = KEYS.filter(({ name }) => world.setting.keys.includes(name));
  }

  /** Commit, then invalidation. */
  write(instance: Instance, key: Key, { how: wanted, mode, all, claimed }: Write): void {
    // The pattern does not match every key.
    const how = namedBy(wanted, key, this.#keys).includes(key) ? wanted : 'key';
    const named = namedBy(how, key, this.#keys);
    // A key that is written through and still belongs to another writer is only invalidated.
    const written = (all ? named : [key]).filter((each) => this.#take(each));
    if (written.length === 0) return;
    const ticket = claimed ? instance.outbox?.draw() : undefined;
    const options = ticket === undefined ? {} : { outbox: ticket };
    this.#commit(instance, written, named, { mode, ticket, byTag: how === 'tag' }, (writes) =>
      instance.debts.during(writes, () => this.#invalidate(instance, key, how, mode, options)).then(() => true),
    );
  }

  /** Somebody who does not know of the cache: its commit is all there is. */
  writeOutside(key: Key): void {
    if (!this.#take(key)) return;
    const { source, psql } = this.#world;
    const release = (): void => void this.#taken.set(key.name, this.#world.time.now);
    const onCommit = (rows: readonly Row[]): WriteRecord[] => {
      this.#world.note(() => `somebody else commits ${describeRows(rows)}`);
      return this.#remember('somebody else', rows, 'delete', true);
    };
    source
      .commit(psql, [key.name], { onCommit, recorded: { ticket: undefined } })
      .then(release)
      .catch(release);
  }

  /** Commit, then the value into the cache. */
  set(instance: Instance, key: Key, { versioned, ahead }: WriteThrough): void {
    if (!this.#take(key)) return;
    if (ahead) {
      this.#setAhead(instance, key, versioned);
      return;
    }
    this.#commit(instance, [key], [key], { mode: 'delete', ticket: undefined }, async (writes, [row]) => {
      if (row === undefined) return true;
      return instance.debts.during(writes, () => this.#store(instance, key, row, versioned));
    });
  }

  /** The value into the cache, and its commit at the moment at which L2 takes it, or when it is known that L2 has not. */
  #setAhead(instance: Instance, key: Key, versioned: boolean): void {
    const { history, source } = this.#world;
    const row = source.next(key.name);
    const writes: WriteRecord[] = [];
    const commit = (): void => {
      if (writes.length > 0) return;
      source.commitNow(row);
      writes.push(...this.#remember(instance.name, [row], 'delete', false));
      this.#world.note(() => `${instance.name} commits what it sets: ${describeRows([row])}`);
    };
    const stopWaiting = this.#world.whenTaken(instance, key, commit);
    const order = this.#order(instance, [key], writes, false);
    history.invalidations.push(order);
    const end = (isKnown: boolean): void => {
      stopWaiting();
      commit();
      this.#acknowledge(order);
      this.#taken.set(key.name, this.#world.time.now + (isKnown ? 0 : LATE_EFFECT_MS));
    };
    const setting = instance.debts.during(writes, () => this.#store(instance, key, row, versioned));
    setting.then(end).catch((error: unknown) => {
      this.#world.failed({ instance: instance.name, key: key.name }, error);
    });
  }

  #store(instance: Instance, key: Key, row: Row, versioned: boolean): Promise<boolean> {
    return viewOf(instance, key).set(key.key, row, {
      ttl: this.#world.setting.policies[key.name]?.ttl ?? 0,
      tags: [key.tag],
      ...(versioned && { version: row.version }),
    });
  }

  #order(
    { name }: Instance,
    named: readonly Key[],
    writes: readonly WriteRecord[],
    byTag: boolean,
  ): InvalidationRecord {
    const keys = named.map((key) => key.name);
    return { instance: name, keys, byTag, writes, start: this.#world.time.now, end: Infinity };
  }

  #acknowledge(order: InvalidationRecord): void {
    const { now } = this.#world.time;
    for (const write of order.writes) write.acknowledgedAt = now;
    order.end = now;
  }

  /** The same for the key and its neighbours that are written through. */
  setMany(instance: Instance, first: Key): void {
    const keys = neighboursOf(first, this.#keys).filter((key) => key.writtenThrough && this.#take(key));
    if (keys.length === 0) return;
    this.#commit(instance, keys, keys, { mode: 'delete', ticket: undefined }, async (writes, rows) => {
      const entries = rows.map((row) => [keyNamed(row.key).key, row] as const);
      const stored = await instance.debts.during(writes, () =>
        viewOf(instance, first).setMany(entries, {
          ttl: this.#world.setting.policies[first.name]?.ttl ?? 0,
          tags: (row) => [keyNamed(row.key).tag],
        }),
      );
      return stored.every((isStored) => isStored);
    });
  }

  /**
   * Commits, and then makes it known with `publish`, which answers whether L2 has heard. What a process has committed and
   * not made known when it crashes is nobody's promise, unless triggers have written it down under its ticket.
   */
  #commit(
    instance: Instance,
    keys: readonly Key[],
    named: readonly Key[],
    { mode, ticket, byTag = false }: CommitOptions,
    publish: (writes: readonly WriteRecord[], rows: readonly Row[]) => Promise<boolean>,
  ): void {
    const { time, history, source } = this.#world;
    const names = keys.map(({ name }) => name);
    const release = (lateMs: number): void => {
      for (const name of names) this.#taken.set(name, time.now + lateMs);
    };
    let writes: WriteRecord[] = [];
    const onCommit = (rows: readonly Row[]): WriteRecord[] => {
      writes = this.#remember(instance.name, rows, mode, ticket !== undefined);
      return writes;
    };
    const committed = async (rows: readonly Row[]): Promise<void> => {
      const order = this.#order(instance, named, writes, byTag);
      history.invalidations.push(order);
      this.#writes += 1;
      const number = this.#writes;
      this.#world.note(() => `${instance.name} has committed ${describeRows(rows)} (write ${number})`);
      const isKnown = await publish(writes, rows).catch((error: unknown) => {
        if (isCacheError(error) && error.code === 'INVALIDATION_PENDING') return false;
        throw error;
      });
      this.#acknowledge(order);
      this.#world.note(() => `${instance.name} acknowledges write ${number}${isKnown ? '' : ', but L2 does not know'}`);
      release(isKnown ? 0 : LATE_EFFECT_MS);
    };
    source
      .commit(instance.host, names, { onCommit, recorded: ticket !== undefined && { ticket } })
      .then(committed)
      .catch((error: unknown) => {
        release(0);
        this.#world.failed({ instance: instance.name, key: names[0] ?? '' }, error);
      });
  }

  /** At the moment of a commit. */
  #remember(instance: string, rows: readonly Row[], mode: 'delete' | 'expire', recorded: boolean): WriteRecord[] {
    const { time, history } = this.#world;
    const writes = rows.map(
      ({ key, version }): WriteRecord => ({
        kind: 'write',
        instance,
        key,
        version,
        mode,
        committedAt: time.now,
        recorded,
        acknowledgedAt: undefined,
        deliveredAt: undefined,
      }),
    );
    history.writes.push(...writes);
    return writes;
  }

  /** Whether a key may be written now; it is then taken until its writer gives it back. */
  #take({ name, writtenThrough }: Key): boolean {
    if (!writtenThrough) return true;
    if ((this.#taken.get(name) ?? 0) > this.#world.time.now) return false;
    this.#taken.set(name, Infinity);
    return true;
  }

  #invalidate(
    instance: Instance,
    key: Key,
    how: Write['how'],
    mode: 'delete' | 'expire',
    options: InvalidateOptions,
  ): Promise<unknown> {
    const view = viewOf(instance, key);
    switch (how) {
      case 'key':
        return mode === 'delete' ? view.delete(key.key, options) : view.expire(key.key, options);
      case 'keys': {
        const keys = neighboursOf(key, this.#keys).map((each) => each.key);
        return mode === 'delete' ? view.deleteMany(keys, options) : view.invalidate({ keys, mode }, options);
      }
      case 'tag':
        return view.invalidate({ tags: [key.tag], mode }, options);
      case 'pattern':
        return view.invalidate({ pattern: PATTERN, mode }, options);
      case 'clear':
        return view.clear(options);
    }
  }
}

function describeRows(rows: readonly Row[]): string {
  return rows.map(({ key, version }) => `${key} = ${version}`).join(', ');
}
