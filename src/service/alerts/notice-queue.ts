import type { Notice } from './alert.ts';

/**
 * Holds the notices that wait, first in, first out. If there are too many, it drops the oldest alert that came and went
 * while it waited, both notices of it. The receiver therefore never gets an end without its beginning, or a beginning
 * that has no end.
 */
export class NoticeQueue {
  readonly #limit: number;
  readonly #notices: Notice[] = [];

  /** @param limit The most notices that wait; 2 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#notices.length;
  }

  /** The next notice. It stays until {@link shift}, and is never dropped, since its delivery may be under way. */
  get first(): Notice | undefined {
    return this.#notices[0];
  }

  shift(): void {
    this.#notices.shift();
  }

  /**
   * Adds a notice.
   * @returns the notices that were dropped for it.
   */
  add(notice: Notice): Notice[] {
    this.#notices.push(notice);
    return this.#notices.length > this.#limit ? this.#leaveOut() : [];
  }

  #leaveOut(): Notice[] {
    for (const [end, resolved] of this.#notices.entries()) {
      if (resolved.state !== 'resolved') continue;
      const begin = this.#notices.findIndex(({ alert, since }) => alert === resolved.alert && since === resolved.since);
      if (begin > 0 && begin < end) return [...this.#notices.splice(end, 1), ...this.#notices.splice(begin, 1)];
    }
    // Alerts go up and down in turns, so a queue of more than two notices for each never comes here.
    return this.#notices.splice(1, 1);
  }
}
