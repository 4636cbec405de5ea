import type { BusMessage } from '../model/invalidation.ts';
import type { CacheIdentity } from './cache-identity.ts';

/** Carries invalidations to every instance, and this instance's heartbeats back to it, in one ordered stream. */
export interface Bus {
  /** See {@link RemoteTier.madeWith}. */
  readonly madeWith?: object | undefined;
  /**
   * Subscribes and goes on trying until {@link close}. It never rejects for an absent server. Messages of one server
   * arrive in the order in which the server published them.
   * @param cache Decides the names of the channels.
   */
  start(instance: string, listener: BusListener, cache: CacheIdentity): void;
  /** Destroys the connection and subscribes anew. The caller uses it for a subscription that is open and silent. */
  reset(): void;
  close(): Promise<void>;
}

/** Receives what a {@link Bus} hears. */
export interface BusListener {
  /** The server has acknowledged the subscription: messages published from now on arrive. */
  onSubscribed(): void;
  onMessage(message: BusMessage): void;
  /**
   * The bus dropped a message that no Tiercel of this format wrote.
   * @param isGap True if the message may stand in the place of an invalidation, which is then lost. Default `false`.
   */
  onMalformed(reason: string, isGap?: boolean): void;
  /** The subscription is gone. Messages may be lost until {@link onSubscribed}. */
  onUnsubscribed(error: Error | undefined): void;
}
