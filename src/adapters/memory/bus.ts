import type { BusMessage } from '../../core/model/invalidation.ts';
import type { Bus, BusListener } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import { RemoteError } from '../../core/ports/remote-tier.ts';
import type { Run, ServerLink } from './link.ts';
import { BUS_CHANNEL, heartbeatChannel } from './names.ts';

/** One subscription: what the server has sent on it and the subscriber has not yet taken, in order. */
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

  /** Whether the subscriber has seen its subscription acknowledged. */
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
   * Drops what was published and has not arrived, without a sign: a server does so when a subscriber's buffer overruns.
   * @returns How many messages are lost.
   */
  loseUndelivered(): number {
    return this.#acknowledged && this.#subscription ? this.#subscription.stream.splice(0).length : 0;
  }

  /** The process at this end is gone: nobody is told of anything any more. */
  abandon(): void {
    this.#listener = undefined;
    this.#subscription = undefined;
  }

  /** For the server: the run that it is connected to, or about to be. */
  get run(): Run | undefined {
    return this.#subscription?.run;
  }

  /** For the server: the connection is gone, and all that was on its way. */
  lose(error: Error): void {
    this.#attempt++;
    this.#subscription = undefined;
    if (!this.#acknowledged) return;
    this.#acknowledged = false;
    this.#server.interrupt(() => this.#listener?.onUnsubscribed(error), this.name);
  }

  /** For the server: it may be reachable now. */
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

  /** For the server: a publication in one of its runs. */
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
