import type { Targets } from '../../core/model/invalidation.ts';

/** What L2 has acknowledged under a ticket. */
export interface Ticket {
  readonly ticket: string;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Whatever its rows name. */
  readonly everything: boolean;
}

/** Tickets that wait to be written; beyond, they are forgotten, and their rows delivered once more. */
const MOST_WAITING = 10_000;
/** How long the first of them waits for others, in milliseconds: well within the second that a writer has. */
const GATHER_MS = 20;
/** In one statement. */
const MOST_AT_ONCE = 1_000;

/** What was acknowledged and is to be marked as delivered: gathered, so that it costs the database little. */
export class Tickets {
  readonly #mark: (tickets: readonly Ticket[]) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  readonly #waiting = new Set<Ticket>();
  /** The latest, written or not. */
  readonly #known = new Map<string, Ticket>();
  #writing: Promise<void> | undefined;

  /**
   * @param mark Writes them.
   * @param onError Told of what `mark` throws. There is nothing to be done: a row that is not marked is delivered again.
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

  /** Whether what a row under this ticket names has been acknowledged here, all of it. */
  covers(origin: string | null, { ids, tags }: Targets): boolean {
    const told = origin === null ? undefined : this.#known.get(origin);
    if (told === undefined) return false;
    return (
      told.everything || (ids.every((id) => told.keys.includes(id)) && tags.every((tag) => told.tags.includes(tag)))
    );
  }

  /** Writes what is left, unless the database does not take it. */
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

  /** Answers whether they are written. */
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
