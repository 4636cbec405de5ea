import type { BusMessage, HeartbeatEcho, Invalidation } from '../model/invalidation.ts';
import type { BusListener } from '../ports/bus.ts';
import type { Parts } from '../state/context.ts';
import { clean, cleanAll } from '../write/apply-locally.ts';

/** What the receiver tells the heartbeat. */
export interface HeartbeatLink {
  /** When the heartbeat with this nonce was sent, if this instance sent it lately. */
  sentAt(nonce: string): number | undefined;
  /** A heartbeat sent at that time was accepted; the first one after an outage must clear what is here. */
  accept(sentAt: number): void;
  /** Something must be found out now, not at the next beat. */
  hurry(): void;
  subscribed(): void;
  unsubscribed(error: Error | undefined): void;
}

/** What this instance does with each message of its one ordered subscription stream. */
export class BusReceiver implements BusListener {
  readonly #parts: Parts;
  readonly #heart: HeartbeatLink;

  constructor(parts: Parts, heart: HeartbeatLink) {
    this.#parts = parts;
    this.#heart = heart;
  }

  /** The first message after this decides whether anything was missed meanwhile; nothing is forgotten for it. */
  onSubscribed(): void {
    this.#heart.subscribed();
  }

  onUnsubscribed(error: Error | undefined): void {
    this.#heart.unsubscribed(error);
  }

  onMalformed(reason: string): void {
    this.#parts.counters.busMalformed += 1;
    this.#parts.emit({ type: 'bus_malformed', reason });
  }

  /** A message that cannot be applied may have named anything: it counts as lost, and those after it are taken. */
  onMessage(message: BusMessage): void {
    this.#parts.counters.busMessages += 1;
    try {
      if (message.kind === 'heartbeat') this.#takeHeartbeat(message);
      else this.#takeInvalidation(message);
    } catch (error) {
      cleanAll(this.#parts);
      this.#parts.emit({ type: 'tier_failure', error, operation: 'message', tier: 'l2', background: true });
    }
  }

  #takeHeartbeat({ nonce, epoch, sequence }: HeartbeatEcho): void {
    const sentAt = this.#heart.sentAt(nonce);
    // One that this instance did not send, or sent too long ago to say anything.
    if (sentAt === undefined) return;
    this.#watchEpoch(epoch);
    const { seen } = this.#parts.proof;
    if (!this.#parts.proof.takeHeartbeat(epoch, sequence, sentAt)) this.#resync(seen, sequence);
    this.#heart.accept(sentAt);
  }

  #takeInvalidation(message: Invalidation): void {
    const { epoch, sequence, targets, mode, origin } = message;
    const { proof, instance, emit } = this.#parts;
    this.#watchEpoch(epoch);
    const { seen } = proof;
    if (!proof.takeInvalidation(epoch, sequence)) this.#resync(seen, sequence);
    // What this instance ordered itself was cleaned before it was sent, and the order stood in for L2 until then:
    // flights that began since are newer, and poisoning them would only cost a load.
    if (origin === instance) return;
    clean(this.#parts, targets, mode, { epoch, sequence });
    this.#parts.recent.note(targets, 'elsewhere');
    emit({ type: 'invalidated', targets, origin: 'elsewhere' });
  }

  /** One step: nothing that may be older than a lost message survives it. */
  #resync(expected: number | undefined, got: number): void {
    const { counters, emit } = this.#parts;
    cleanAll(this.#parts);
    this.#heart.hurry();
    if (expected === undefined) return;
    counters.busGaps += 1;
    emit({ type: 'bus_gap', expected, got });
    emit({ type: 'bus_resync' });
  }

  /** A message of another epoch than the one L2 is read in: that history is over. */
  #watchEpoch(epoch: string): void {
    const { remote } = this.#parts;
    if (remote?.session === undefined || remote.session.epoch === epoch) return;
    remote.distrust();
    this.#heart.hurry();
  }
}
