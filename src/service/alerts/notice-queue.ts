import type { Notice } from './alert.ts';

/**
 * Notices that wait for their turn, first in first out. When there are too many, the oldest alert that has come and gone
 * while it waited is left out as a whole: nobody is told of an end without its beginning, or of a beginning that has no end.
 */
export class NoticeQueue {
  readonly #limit: number;
  readonly #notices: Notice[] = [];

  /** @param limit 2 or more. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#notices.length;
  }

  /** The one whose turn it is. It stays until {@link shift}, and is never left out: it may be under way. */
  get first(): Notice | undefined {
    return this.#notices[0];
  }

  shift(): void {
    this.#notices.shift();
  }

  /** @returns What was left out for it. */
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
    // Alerts go up and down in turns, so a limit of more than two for each never comes here.
    return this.#notices.splice(1, 1);
  }
}
