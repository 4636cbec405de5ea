import type { BusMessage, Invalidation } from '../../core/model/invalidation.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { Bus } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import type { RemoteTier, Session } from '../../core/ports/remote-tier.ts';
import type { SweepRequest } from '../../core/ports/sweeps.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import { until } from '../until.ts';
import type { Capability } from './contract.ts';

/** The actions of a contract test on its server, beside the ports. */
interface Deeds {
  /** Puts bytes that no Tiercel wrote under a key. */
  damage(id: EntryId, generation: string): Promise<void>;
  /** Puts the server at its memory limit, or takes it off. */
  setFull(full: boolean): Promise<void>;
  /** Ends the server's run and begins another. The data comes back only if it was kept. */
  restart(options: { readonly keepData: boolean }): Promise<void>;
}

/** One server that a contract test owns. Name the actions that it lacks to the contract, as `without`. */
export interface ContractServer extends AsyncDisposable, Partial<Deeds> {
  /** Makes a connection of its own, not yet started. */
  tier(): RemoteTier;
  /** Makes a bus of its own, not yet started. */
  bus(): Bus;
}

/** Makes a {@link ContractServer} for one test, which disposes of it. */
export type MakeServer = () => ContractServer | Promise<ContractServer>;

/** A {@link ContractServer} with every action. */
export interface ServerHarness extends Omit<ContractServer, keyof Deeds>, Deeds {}

export type MakeHarness = () => Promise<ServerHarness>;

/** Completes servers: an action that a server lacks throws an error that names it. */
export function completing(make: MakeServer): MakeHarness {
  const refuse = (deed: Capability) => (): never => {
    throw new Error(`The server has no ${deed}(): leave out the tests that need it, { without: ['${deed}'] }`);
  };
  return async () => {
    const made = await make();
    return {
      tier: () => made.tier(),
      bus: () => made.bus(),
      damage: made.damage?.bind(made) ?? refuse('damage'),
      setFull: made.setFull?.bind(made) ?? refuse('setFull'),
      restart: made.restart?.bind(made) ?? refuse('restart'),
      [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
    };
  };
}

/** A started tier, and the events that its listener got. */
export interface ConnectedTier<T extends RemoteTier> {
  readonly tier: T;
  readonly events: string[];
}

/** A started bus, and the messages and events that its listener got. */
export interface Subscriber {
  readonly bus: Bus;
  readonly messages: BusMessage[];
  readonly events: string[];
}

/** The cache as which a contract test starts tiers and buses. */
export const CACHE: CacheIdentity = { name: 'tiercel', version: '', format: 4 };

export const token = (): string => systemRandom.token();

/** Records that must last for a whole test are kept for this long. Milliseconds. */
export const LONG = 60_000;

export async function connect<T extends RemoteTier>(tier: T, cache = CACHE): Promise<ConnectedTier<T>> {
  const events: string[] = [];
  const listener = {
    onConnect: () => events.push('connected'),
    onDisconnect: () => events.push('disconnected'),
    onAlarm: (error: Error) => events.push(error.message),
  };
  tier.start(listener, cache);
  await until(() => events.includes('connected'), { what: 'a connection', every: 1 });
  return { tier, events };
}

export async function subscribe(bus: Bus, instance: string, cache = CACHE): Promise<Subscriber> {
  const messages: BusMessage[] = [];
  const events: string[] = [];
  const listener = {
    onSubscribed: () => events.push('subscribed'),
    onMessage: (message: BusMessage) => messages.push(message),
    onMalformed: (reason: string) => events.push(reason),
    onUnsubscribed: () => events.push('unsubscribed'),
  };
  bus.start(instance, listener, cache);
  await until(() => events.includes('subscribed'), { what: 'a subscription', every: 1 });
  return { bus, messages, events };
}

/**
 * Two instances on one server, as every race needs: a tier each, and the subscription of the second. The session is
 * agreed.
 */
export interface TwoInstances extends AsyncDisposable {
  readonly server: ServerHarness;
  readonly one: RemoteTier;
  readonly two: RemoteTier;
  readonly session: Session;
  readonly generation: string;
  readonly watcher: Subscriber;
  /** Returns the invalidations that have arrived, once everything that was published so far has. */
  invalidations(): Promise<Invalidation[]>;
  /** Fills a free key, as an undisturbed loader does, and returns the record's token. */
  put(id: EntryId, body: string, keepFor?: number): Promise<string>;
}

export async function twoInstances(makeHarness: MakeHarness): Promise<TwoInstances> {
  const server = await makeHarness();
  const { tier: one } = await connect(server.tier());
  const { tier: two } = await connect(server.tier());
  const watcher = await subscribe(server.bus(), 'watcher');
  const { epoch } = await one.heartbeat('setup', 'setup');
  const { generation } = await one.agreeGeneration(epoch, token());
  return {
    server,
    one,
    two,
    session: { epoch, generation },
    generation,
    watcher,
    async invalidations() {
      // Its own heartbeat comes through the same stream, behind all messages that were published before.
      const nonce = token();
      await two.heartbeat('watcher', nonce);
      const { messages } = watcher;
      await until(() => messages.some((seen) => seen.kind === 'heartbeat' && seen.nonce === nonce), {
        what: 'its echo',
        every: 1,
      });
      return messages.filter((message) => message.kind === 'invalidation');
    },
    async put(id, body, keepFor = LONG) {
      const lease = token();
      const given = token();
      await one.acquire(id, generation, lease, LONG);
      const expected = { kind: 'lease', token: lease } as const;
      const filled = await one.fill({ id, generation, expected, token: given, body, age: 0, keepFor });
      if (!filled) throw new Error(`${id} was not free`);
      return given;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), two.close(), watcher.bus.close()]);
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Does all steps of a sweep, from the first one on. Returns how many records they touched. */
export async function sweepAll(tier: RemoteTier, request: Omit<SweepRequest, 'cursor'>): Promise<number> {
  let touched = 0;
  let cursor: string | undefined;
  do {
    const step = await tier.sweep({ ...request, cursor });
    touched += step.touched;
    cursor = step.cursor;
  } while (cursor !== undefined);
  return touched;
}

/**
 * Returns the body of a record as text, in whichever form the adapter returns it; `undefined` when there is no value.
 */
export async function bodyOf(tier: RemoteTier, id: EntryId, generation: string): Promise<string | undefined> {
  const record = await tier.read(id, generation);
  return record.kind === 'value' ? textOf(record.value.body) : undefined;
}

export function textOf(body: string | Uint8Array): string {
  return typeof body === 'string' ? body : new TextDecoder('utf-8', { fatal: true }).decode(body);
}

/** Makes an invalidation order of keys, with everything else at its simplest. */
export function orderOf(ids: readonly EntryId[], tags: readonly EntryId[] = [], mode: 'delete' | 'expire' = 'delete') {
  return { targets: { ids, tags }, mode, origin: 'one' } as const;
}
