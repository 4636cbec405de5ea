import type { BusMessage } from '../../core/model/invalidation.ts';
import type { Bus, BusListener } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import { RemoteError } from '../../core/ports/remote-tier.ts';
import type { Run, ServerLink } from './link.ts';
import { BUS_CHANNEL, heartbeatChannel } from './names.ts';

/**
 * One subscription, with the deliveries that the subscriber has not taken yet, in the order in which the server sent
 * them.
 */
interface Subscription {
  readonly run: Run;
  readonly stream: (() => void)[];
}

/** One bus connection to a `MemoryServer`. */
export class MemoryBus implements Bus {
  readonly name: string;

  readonly #server: ServerLink;
  #channels: ReadonlySet<string> = new Set();
  #listener: BusListener | undefined;
  #subscription: Subscription | undefined;
  #acknowledged = false;
  #cut = false;
  #attempt = 0;

  constructor(server: ServerLink, name: string) {
    this.#server = server;
    this.name = name;
  }

  /** True when the subscriber has seen its subscription acknowledged. */
  get subscribed(): boolean {
    return this.#acknowledged;
  }

  start(instance: string, listener: BusListener, _cache: CacheIdentity): void {
    this.#channels = new Set([BUS_CHANNEL, heartbeatChannel(instance)]);
    this.#listener = listener;
    this.tryConnect();
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
    this.lose(new RemoteError('unavailable', 'The connection is closed'));
  }

  /**
   * Drops the published messages that have not arrived, without a sign. A server does so when a subscriber's buffer
   * overruns.
   * @returns Number of lost messages.
   */
  loseUndelivered(): number {
    return this.#acknowledged && this.#subscription ? this.#subscription.stream.splice(0).length : 0;
  }

  /** Ends the process at this end. The listener learns of nothing any more. */
  abandon(): void {
    this.#listener = undefined;
    this.#subscription = undefined;
  }

  /** The run that this connection has or is about to get. The server reads it. */
  get run(): Run | undefined {
    return this.#subscription?.run;
  }

  /** Ends the connection and drops the messages on their way. The server calls it. */
  lose(error: Error): void {
    this.#attempt++;
    this.#subscription = undefined;
    if (!this.#acknowledged) return;
    this.#acknowledged = false;
    this.#server.interrupt(() => this.#listener?.onUnsubscribed(error), this.name);
  }

  /** Connects if a server can be reached. The server calls it when that may have changed. */
  tryConnect(): void {
    if (this.#listener === undefined || this.#cut || this.#subscription !== undefined) return;
    const attempt = ++this.#attempt;
    this.#server.deliver(() => {
      const run = this.#server.reach(this.name);
      if (attempt !== this.#attempt || run === undefined) return;
      const subscription: Subscription = { run, stream: [] };
      this.#subscription = subscription;
      this.#send(subscription, () => {
        this.#acknowledged = true;
        this.#listener?.onSubscribed();
      });
    }, this.name);
  }

  /** Receives a publication of a run. The server calls it. */
  receive(run: Run, channel: string, message: BusMessage): void {
    const subscription = this.#subscription;
    if (subscription?.run !== run || !this.#channels.has(channel)) return;
    this.#send(subscription, () => this.#listener?.onMessage(message));
  }

  #send(subscription: Subscription, arrive: () => void): void {
    subscription.stream.push(arrive);
    // Each delivery takes the head, so the stream keeps its order however the deliveries are scheduled.
    this.#server.deliver(() => {
      const next = subscription.stream.shift();
      if (subscription === this.#subscription) next?.();
    }, this.name);
  }
}
