import type { Duration } from '../../core/model/duration.ts';
import { RemoteError, type RemoteFailure, type RemoteListener, type RemoteTier } from '../../core/ports/remote-tier.ts';
import { CallFaults, type CallScope } from './call-faults.ts';
import type { ChaosOptions, Fault } from './faults.ts';
import { Line } from './line.ts';
import { overriding } from './overriding.ts';

type Answering<K extends keyof RemoteTier> =
  NonNullable<RemoteTier[K]> extends (...given: never[]) => Promise<unknown> ? K : never;

/** The calls of an L2 that a fault can strike: all that answer, except `close`. */
export type RemoteOperation = Exclude<{ [K in keyof RemoteTier]-?: Answering<K> }[keyof RemoteTier], 'close'>;

/** Tells for each call if the cache makes it for its callers or for its own upkeep. */
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
  renewRefresh: 'callers',
  releaseRefresh: 'callers',
  leaveOutcome: 'callers',
  tagGenerations: 'callers',
  invalidate: 'callers',
  write: 'callers',
  sweep: 'callers',
  sweepOthers: 'upkeep',
};

const isOperation = (name: PropertyKey): name is RemoteOperation => Object.hasOwn(OPERATIONS, name);

/** Sets faults of an L2. */
export interface RemoteChaos {
  /**
   * Rejects calls.
   * @param failure A kind of {@link RemoteFailure}, or an error of your own. Default `unavailable`.
   */
  fail(failure?: RemoteFailure | Error, scope?: CallScope<RemoteOperation>): Fault;
  /** Lets calls hang until the fault is lifted, like those of a stopped process. They then go on. */
  hang(scope?: CallScope<RemoteOperation>): Fault;
  /** Lets calls take longer by the duration. */
  delay(duration: Duration, scope?: CallScope<RemoteOperation>): Fault;
  /** Cuts the connection until {@link reconnect}: calls under way fail, and new calls are refused at once. */
  disconnect(): void;
  /** Restores the connection that {@link disconnect} has cut. */
  reconnect(): void;
  /** Lifts every fault, and reconnects. */
  heal(): void;
  /**
   * Counts the calls of one operation. Without an operation it counts all calls that serve the cache's callers.
   * Heartbeats, and the calls that follow from them, are upkeep and do not count. Failed calls count; calls that were
   * refused without a connection do not.
   */
  count(operation?: RemoteOperation): number;
  /** Sets all counts to 0. */
  forgetCounts(): void;
}

/** An L2 with faults, made by {@link chaosRemoteTier}. At first it has no fault. */
export type ChaosRemoteTier = RemoteTier & RemoteChaos;

/**
 * Wraps any L2, and lets a test set faults of it. Without faults it behaves as the tier that it wraps.
 * @example
 * ```ts
 * import { redis } from 'tiercel/redis';
 * import { chaosRemoteTier } from 'tiercel/testing';
 *
 * const l2 = chaosRemoteTier(redis('redis://127.0.0.1:6379').l2);
 * l2.fail('full', { only: 'fill', times: 3 });
 * ```
 * @param options The clock and the random numbers of the faults.
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

/** Holds the calls that have no answer yet. All of them fail when the connection is lost. */
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
