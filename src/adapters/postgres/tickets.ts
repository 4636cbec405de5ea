import type { Targets } from '../../core/model/invalidation.ts';

/** The keys and tags that L2 has acknowledged under a ticket. */
export interface Ticket {
  readonly ticket: string;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** True if it covers every name that its rows may have. */
  readonly everything: boolean;
}

/**
 * The most tickets that wait to be written. Beyond it, tickets are forgotten and their rows are delivered once more.
 */
const MOST_WAITING = 10_000;
/** Time for which the first ticket waits for others: well within the second that a writer has. Milliseconds. */
const GATHER_MS = 20;
/** The most tickets in one statement. */
const MOST_AT_ONCE = 1_000;

/** Gathers acknowledged tickets and marks their rows as delivered in batches, which costs the database little. */
export class Tickets {
  readonly #mark: (tickets: readonly Ticket[]) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  readonly #waiting = new Set<Ticket>();
  /** The latest tickets, written or not. */
  readonly #known = new Map<string, Ticket>();
  #writing: Promise<void> | undefined;

  /**
   * @param mark Writes tickets.
   * @param onError Receives the error of `mark`. It need do nothing: a row that is not marked is delivered again.
   */
  constructor(mark: (tickets: readonly Ticket[]) => Promise<void>, onError: (error: unknown) => void) {
    this.#mark = mark;
    this.#onError = onError;
  }

  add(ticket: Ticket): void {
    this.#remember(ticket);
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.add(ticket);
    this.#writing ??= this.#writeSoon();
  }

  /** Tells if this process has acknowledged all names of a row under this ticket. */
  covers(origin: string | null, { ids, tags }: Targets): boolean {
    const told = origin === null ? undefined : this.#known.get(origin);
    if (told === undefined) return false;
    return (
      told.everything || (ids.every((id) => told.keys.includes(id)) && tags.every((tag) => told.tags.includes(tag)))
    );
  }

  /** Writes the tickets that are left, unless the database does not take them. */
  async flush(): Promise<void> {
    while (this.#waiting.size > 0 && (await this.#write()));
    this.#waiting.clear();
    await this.#writing;
  }

  async #writeSoon(): Promise<void> {
    await new Promise((resume) => setTimeout(resume, GATHER_MS));
    await this.#write();
    this.#writing = this.#waiting.size > 0 ? this.#writeSoon() : undefined;
  }

  #remember(ticket: Ticket): void {
    this.#known.set(ticket.ticket, ticket);
    if (this.#known.size <= MOST_WAITING) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  /** Writes one batch, and returns true if it is written. */
  async #write(): Promise<boolean> {
    const tickets = [...this.#waiting].slice(0, MOST_AT_ONCE);
    for (const ticket of tickets) this.#waiting.delete(ticket);
    if (tickets.length === 0) return true;
    try {
      await this.#mark(tickets);
      return true;
    } catch (error) {
      this.#onError(error);
      return false;
    }
  }
}
