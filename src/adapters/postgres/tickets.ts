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
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.add(ticket);
    this.#writing ??= this.#writeSoon();
  }

  /** Writes what is left. */
  async flush(): Promise<void> {
    while (this.#waiting.size > 0) await this.#write();
    await this.#writing;
  }

  async #writeSoon(): Promise<void> {
    await new Promise((resume) => setTimeout(resume, GATHER_MS));
    await this.#write();
    this.#writing = this.#waiting.size > 0 ? this.#writeSoon() : undefined;
  }

  async #write(): Promise<void> {
    const tickets = [...this.#waiting].slice(0, MOST_AT_ONCE);
    for (const ticket of tickets) this.#waiting.delete(ticket);
    if (tickets.length === 0) return;
    try {
      await this.#mark(tickets);
    } catch (error) {
      this.#onError(error);
    }
  }
}
