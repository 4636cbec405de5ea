import type { Duration } from '../../core/model/duration.ts';
import { RemoteError, type RemoteFailure, type RemoteListener, type RemoteTier } from '../../core/ports/remote-tier.ts';
import { CallFaults, type CallScope } from './call-faults.ts';
import type { ChaosOptions, Fault } from './faults.ts';
import { Line } from './line.ts';
import { overriding } from './overriding.ts';

type Answering<K extends keyof RemoteTier> =
  NonNullable<RemoteTier[K]> extends (...given: never[]) => Promise<unknown> ? K : never;

/** The calls of an L2 that can be struck: all that answer, but `close`. */
export type RemoteOperation = Exclude<{ [K in keyof RemoteTier]-?: Answering<K> }[keyof RemoteTier], 'close'>;

/** For whom the cache makes each call: for its callers, or on its own account. */
const OPERATIONS: Readonly<Record<RemoteOperation, 'callers' | 'upkeep'>> = {
  heartbeat: 'upkeep',
  agreeGeneration: 'upkeep',
  adoptGeneration: 'upkeep',
  leaveMark: 'upkeep',
  info: 'upkeep',
  acquire: 'callers',
  acquireMany: 'callers',
  read: 'callers',
  readMany: 'callers',
  remaining: 'callers',
  fill: 'callers',
  release: 'callers',
  renew: 'callers',
  claimRefresh: 'callers',
  releaseRefresh: 'callers',
  tagGenerations: 'callers',
  invalidate: 'callers',
  write: 'callers',
  sweep: 'callers',
  sweepOthers: 'upkeep',
};

const isOperation = (name: PropertyKey): name is RemoteOperation => Object.hasOwn(OPERATIONS, name);

/** What can be done to an L2. */
export interface RemoteChaos {
  /**
   * Calls reject.
   * @param failure A kind of {@link RemoteFailure}, or an error of one's own. Default `unavailable`.
   */
  fail(failure?: RemoteFailure | Error, scope?: CallScope<RemoteOperation>): Fault;
  /** Calls do not answer until this is lifted, as those of a process that is stopped; then they go on. */
  hang(scope?: CallScope<RemoteOperation>): Fault;
  /** Calls take so much longer. */
  delay(duration: Duration, scope?: CallScope<RemoteOperation>): Fault;
  /** Cuts the connection: what is under way fails, what comes is refused at once, until {@link reconnect}. */
  disconnect(): void;
  reconnect(): void;
  /** Lifts every fault, and reconnects. */
  heal(): void;
  /**
   * How many calls there were: of one operation, or of all that serve the cache's callers, which heartbeats and what
   * follows from them do not. Calls that failed count; those that were refused for want of a connection do not.
   */
  count(operation?: RemoteOperation): number;
  /** Begins to count anew. */
  forgetCounts(): void;
}

/** An L2 to which something can be done; nothing has been yet. Made by {@link chaosRemoteTier}. */
export type ChaosRemoteTier = RemoteTier & RemoteChaos;

/**
 * Any L2, with faults to be set: while there are none it is the one that was given.
 * @example
 * const l2 = chaosRemoteTier(redis(url).l2);
 * l2.fail('full', { only: 'fill', times: 3 });
 */
export function chaosRemoteTier(tier: RemoteTier, options: ChaosOptions = {}): ChaosRemoteTier {
  const faults = new CallFaults<RemoteOperation>(options);
  const calls = new CallsUnderWay();
  let listener: RemoteListener | undefined;
  const line = new Line({
    onUp: () => listener?.onConnect(),
    onDown(error) {
      calls.lose(error);
      listener?.onDisconnect(error);
    },
  });
  const chaos: RemoteChaos & Partial<RemoteTier> = {
    fail: (failure = 'unavailable', scope) => faults.fail(() => errorOf(failure), scope),
    hang: (scope) => faults.hang(scope),
    delay: (duration, scope) => faults.delay(duration, scope),
    disconnect: () => line.cut(new RemoteError('unavailable', CUT)),
    reconnect: () => line.mend(),
    heal() {
      faults.heal();
      line.mend();
    },
    count(operation) {
      if (operation !== undefined) return faults.count(operation);
      const ofCallers = Object.keys(OPERATIONS).filter((name) => isOperation(name) && OPERATIONS[name] === 'callers');
      return ofCallers.reduce((calls, name) => calls + faults.count(name), 0);
    },
    forgetCounts: () => faults.forgetCounts(),
    start(given, cache) {
      listener = given;
      const heard = { onConnect: () => line.rise(), onDisconnect: (error: Error | undefined) => line.fall(error) };
      tier.start(overriding(given, heard), cache);
    },
    async close() {
      listener = undefined;
      await tier.close();
      calls.lose(undefined);
    },
  };
  return new Proxy(tier, {
    get(target, name) {
      const own: unknown = Reflect.get(chaos, name);
      if (own !== undefined) return own;
      const given: unknown = Reflect.get(target, name);
      if (typeof given !== 'function') return given;
      if (!isOperation(name)) return given.bind(target);
      return (...args: unknown[]) => {
        if (line.isCut) return Promise.reject(new RemoteError('unavailable', CUT));
        return calls.track(faults.run(name, () => given.apply(target, args)));
      };
    },
  }) as ChaosRemoteTier;
}

const CUT = 'The connection was cut';

function errorOf(failure: RemoteFailure | Error): Error {
  return typeof failure === 'string' ? new RemoteError(failure, `Told to fail: ${failure}`) : failure;
}

/** Calls without an answer yet, which all fail when the connection is lost. */
class CallsUnderWay {
  readonly #reject = new Set<(error: Error) => void>();

  lose(error: Error | undefined): void {
    for (const reject of this.#reject) reject(error ?? new RemoteError('unavailable', 'The connection is gone'));
    this.#reject.clear();
  }

  async track<T>(answer: T | Promise<T>): Promise<T> {
    const lost = Promise.withResolvers<never>();
    this.#reject.add(lost.reject);
    try {
      return await Promise.race([answer, lost.promise]);
    } finally {
      this.#reject.delete(lost.reject);
    }
  }
}
