/** Nonces remembered; an echo of an older heartbeat proves nothing useful. */
const MOST = 8;

/** When the latest heartbeats were sent, by what they carried. */
export class SentBeats {
  readonly #sent = new Map<string, number>();

  add(nonce: string, sentAt: number): void {
    this.#sent.set(nonce, sentAt);
    if (this.#sent.size <= MOST) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }

  /** `undefined`: not sent here, or too long ago to say anything. */
  at(nonce: string): number | undefined {
    return this.#sent.get(nonce);
  }
}
