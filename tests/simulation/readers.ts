import type { CacheEvent, Loader, Lookup, ManyLoader, ReadOptions } from '../../src/index.ts';
import type { LoadRecord, ReadRecord, Row } from './history.ts';
import { type Instance, viewOf } from './instance.ts';
import { KEYS, type Key, keyNamed, neighboursOf } from './keys.ts';
import type { Operation } from './plan.ts';
import type { World } from './world.ts';

type Read = Omit<Extract<Operation, { kind: 'read' }>, 'kind' | 'key'>;

/** A read that has begun. */
type Question = Pick<ReadRecord, 'instance' | 'key' | 'start'> & { readonly hurry?: number | undefined };

/** Everybody who reads, and the database behind their loaders: what comes of it goes into the history. */
export class Readers {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  read(instance: Instance, key: Key, how: Read): void {
    const open = this.#opened(instance, key, how.hurry);
    const loader: Loader<Row | null> = ({ setTags, skip, signal }) => {
      if (how.naming === 'loader') setTags([key.tag]);
      if (how.skips) skip();
      return this.#load(instance, key, how.forceFresh === true, signal);
    };
    const options = this.#optionsOf(instance, [key], how);
    this.#follow(
      [open],
      how.patience,
      viewOf(instance, key)
        .lookup(key.key, loader, options)
        .then((found) => [found]),
    );
  }

  /** The key and its neighbours, in one call. */
  readMany(instance: Instance, first: Key, how: Read): void {
    const keys = this.#neighboursOf(first);
    const opened = keys.map((key) => this.#opened(instance, key, how.hurry));
    const named = new Map(keys.map((key) => [key.key, key]));
    const loader: ManyLoader<Row | null> = async ({ keys: wanted, setTags, skip, signal }) => {
      const loads = wanted.map((name) => {
        const key = named.get(name) ?? first;
        if (how.naming === 'loader') setTags(name, [key.tag]);
        if (how.skips) skip(name);
        return { name, ...this.#begin(instance, key, how.forceFresh === true, signal) };
      });
      try {
        return await Promise.all(loads.map(async ({ name, row }) => [name, await row] as const));
      } finally {
        // One that fails is the end of all.
        for (const { end } of loads) end();
      }
    };
    const names = keys.map(({ key }) => key);
    const options = this.#optionsOf(instance, keys, how);
    const answered = new Map<unknown, number>();
    const observer = (event: CacheEvent): void => {
      if (event.type === 'lookup') answered.set(event.lookup, this.#world.time.now);
    };
    const detach = instance.cache.attach({ observer });
    const looking = viewOf(instance, first).lookupMany(names, loader, options).finally(detach);
    this.#follow(opened, how.patience, looking, (lookup, { start }) => answered.get(lookup) ?? start);
  }

  /** What comes of a call, for each key that it was about. */
  #follow(
    opened: readonly Question[],
    patience: number | undefined,
    looking: Promise<Lookup<Row | null>[]>,
    momentOf: (lookup: Lookup<Row | null>, open: Question) => number = () => this.#world.time.now,
  ): void {
    looking.then(
      (lookups) => {
        this.#waited(opened);
        opened.forEach((open, index) => {
          this.#world.history.open.delete(open);
          const found = lookups[index];
          if (found === undefined) return;
          const { value, state, tier, steps } = found;
          this.#answered(open, value, {
            flagged: state === 'stale',
            tier,
            isInL2: steps.l2?.stored === true,
            bypassedL2: steps.l2?.outcome === 'bypass',
            end: momentOf(found, open),
          });
        });
      },
      (error: unknown) => {
        this.#waited(opened, error);
        for (const open of opened) this.#world.history.open.delete(open);
        const [open] = opened;
        if (open === undefined || (patience !== undefined && isAbort(error))) return;
        this.#world.failed(open, error);
      },
    );
  }

  /** A call has come to its end, for all keys that it was about. */
  #waited(opened: readonly Question[], error?: unknown): void {
    const { time, history, setting } = this.#world;
    const policy = setting.policies[opened[0]?.key ?? ''];
    for (const { instance, key, start, hurry = policy?.hardTimeout ?? Infinity } of opened)
      history.waits.push({ instance, key, start, end: time.now, limit: hurry, error });
  }

  #opened(instance: Instance, key: Key, hurry?: number): Question {
    const open = { instance: instance.name, key: key.name, start: this.#world.time.now, hurry };
    this.#world.history.open.add(open);
    return open;
  }

  #neighboursOf(key: Key): Key[] {
    const { keys } = this.#world.setting;
    return neighboursOf(
      key,
      KEYS.filter(({ name }) => keys.includes(name)),
    );
  }

  /** With the tags of all these keys where it is not known whose value it is. */
  #optionsOf(
    instance: Instance,
    keys: readonly Key[],
    { naming, forceFresh, patience, hurry }: Read,
  ): ReadOptions<Row | null> {
    const tags = [...new Set(keys.map(({ tag }) => tag))];
    const tagsOf = (row: Row | null): string[] => (row === null ? tags : [keyNamed(row.key).tag]);
    const named = naming === 'before' ? { tags } : naming === 'value' ? { tags: tagsOf } : {};
    return {
      ...this.#world.setting.policies[keys[0]?.name ?? ''],
      ...named,
      ...(forceFresh && { forceFresh }),
      ...(hurry !== undefined && { hardTimeout: hurry }),
      ...(patience !== undefined && { signal: this.#signalAfter(instance, patience) }),
    };
  }

  /** `get` and `peek`: a value that is there, or nothing. */
  look(instance: Instance, key: Key, kind: 'get' | 'peek'): void {
    const open = { instance: instance.name, key: key.name, start: this.#world.time.now };
    const answered = (value: Row | null | undefined): void => {
      this.#world.history.open.delete(open);
      if (value !== undefined) this.#answered(open, value, FROM_CACHE);
    };
    const view = viewOf(instance, key);
    if (kind === 'peek') {
      answered(view.peek<Row | null>(key.key));
      return;
    }
    this.#world.history.open.add(open);
    view.get<Row | null>(key.key).then(answered, (error: unknown) => {
      this.#world.history.open.delete(open);
      this.#world.failed(open, error);
    });
  }

  /** `getMany` of the key and its neighbours. */
  lookMany(instance: Instance, first: Key): void {
    const keys = this.#neighboursOf(first);
    const opened = keys.map((key) => this.#opened(instance, key));
    const looking = viewOf(instance, first).getMany<Row | null>(keys.map(({ key }) => key));
    looking.then(
      (values) => {
        opened.forEach((open, index) => {
          const value = values[index];
          this.#world.history.open.delete(open);
          if (value !== undefined) this.#answered(open, value, FROM_CACHE);
        });
      },
      (error: unknown) => {
        for (const open of opened) this.#world.history.open.delete(open);
        this.#world.failed({ instance: instance.name, key: first.name }, error);
      },
    );
  }

  #load(instance: Instance, key: Key, forced: boolean, signal: AbortSignal): Promise<Row | null> {
    const { row, end } = this.#begin(instance, key, forced, signal);
    row.then(end, end);
    return row;
  }

  /** Begins to load a row; `end`: the cache has the outcome. */
  #begin(
    instance: Instance,
    key: Key,
    forced: boolean,
    signal: AbortSignal,
  ): { readonly row: Promise<Row | null>; readonly end: () => void } {
    const { time, history, source } = this.#world;
    const load: LoadRecord = {
      instance: instance.name,
      key: key.name,
      start: time.now,
      end: Infinity,
      forced,
      bypassed: instance.cache.health().l2?.healthy !== true,
      waited: history.waited(instance.name, key.name, time.now),
      hurried: history.isHurried(instance.name, key.name),
    };
    history.loads.push(load);
    this.#world.note(() => `${instance.name} loads ${key.name}`);
    const end = (): void => {
      load.end = Math.min(load.end, time.now);
    };
    signal.addEventListener('abort', end, { once: true });
    return { row: source.load(instance.host, key.name), end };
  }

  #signalAfter({ host }: Instance, ms: number): AbortSignal {
    const abort = new AbortController();
    this.#world.time.at(this.#world.time.now + ms, () => abort.abort(), host);
    return abort.signal;
  }

  #answered(
    { instance, key, start }: Question,
    row: Row | null,
    how: Pick<ReadRecord, 'flagged' | 'tier' | 'isInL2' | 'bypassedL2'> & Partial<Pick<ReadRecord, 'end'>>,
  ): void {
    const { time, history } = this.#world;
    const version = row?.version ?? 0;
    history.reads.push({ kind: 'read', instance, key, version, row: row ?? undefined, start, end: time.now, ...how });
    this.#world.note(
      () =>
        `${instance} reads ${key} = ${version} from ${how.tier}${how.flagged ? ' (stale)' : ''}, asked at ${start.toFixed(1)}`,
    );
  }
}

/** Whoever asks the tiers alone is not told which of them has answered. */
const FROM_CACHE = { flagged: false, tier: 'cache', isInL2: false, bypassedL2: false } as const;

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
