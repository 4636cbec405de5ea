import type { Loader, ReadOptions } from '../../src/index.ts';
import type { LoadRecord, ReadRecord, Row } from './history.ts';
import { type Instance, viewOf } from './instance.ts';
import type { Key } from './keys.ts';
import type { Operation } from './plan.ts';
import type { World } from './world.ts';

type Read = Omit<Extract<Operation, { kind: 'read' }>, 'kind' | 'key'>;

/** A read that has begun. */
type Question = Pick<ReadRecord, 'instance' | 'key' | 'start'>;

/** Everybody who reads, and the database behind their loaders: what comes of it goes into the history. */
export class Readers {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  read(instance: Instance, key: Key, { naming, forceFresh, patience }: Read): void {
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
          this.#world.failed(open, error);
        },
      );
  }

  /** `get` and `peek`: a value that is there, or nothing. */
  look(instance: Instance, key: Key, kind: 'get' | 'peek'): void {
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
    view.get<Row | null>(key.key).then(answered, (error: unknown) => {
      this.#world.history.open.delete(open);
      this.#world.failed(open, error);
    });
  }

  #load(instance: Instance, key: Key, forced: boolean, signal: AbortSignal): Promise<Row | null> {
    const { time, history, source } = this.#world;
    const load: LoadRecord = {
      instance: instance.name,
      key: key.name,
      start: time.now,
      end: Infinity,
      forced,
      bypassed: instance.cache.health().l2?.healthy !== true,
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
    { instance, key, start }: Question,
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
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
