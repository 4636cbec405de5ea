import type { Heartbeat } from '../../core/ports/remote-tier.ts';
import type { Contents } from './contents.ts';

/** How long the records of a history outlive its last heartbeat. */
const RECORD_STAY_MS = 30 * 24 * 60 * 60 * 1_000;
/** Name of the one generation record. */
const AGREED = 'agreed';

/** What the data says of the run that it is in, and of the one before: the generation, the last heartbeat, the marks. */
export class History {
  readonly #epoch: string;
  readonly #contents: Contents;
  readonly #time: () => number;

  constructor(epoch: string, contents: Contents, time: () => number) {
    this.#epoch = epoch;
    this.#contents = contents;
    this.#time = time;
  }

  /** The record says of which epoch it is; one of another counts for nothing. */
  get generation(): string | undefined {
    const [epoch, generation] = this.#contents.generations.get(AGREED)?.split(' ') ?? [];
    return epoch === this.#epoch ? generation : undefined;
  }

  /** Notes a heartbeat, and what was there before it. */
  beat(nonce: string, wantsMark: boolean): Omit<Heartbeat, 'epoch' | 'sequence'> {
    const { notes } = this.#contents;
    const time = Math.floor(this.#time());
    const { generation } = this;
    const last = this.#lastBeat();
    if (generation !== undefined) {
      this.#storeGeneration(generation);
      notes.set('beat', { kind: 'beat', time, generation }, RECORD_STAY_MS);
    }
    const { marked, ...marks } = this.#marks();
    const wanted = wantsMark ? Math.max(marks.wanted, marked) + 1 : marks.wanted;
    if (wantsMark) this.#storeMarks(wanted, marked);
    const named = notes.get('identity');
    const identity = named?.kind === 'identity' ? named.identity : nonce;
    notes.set('identity', { kind: 'identity', identity }, RECORD_STAY_MS);
    return { time, generation, last, identity, wanted, marked };
  }

  /** The generation that counts from now; `undefined` when the epoch is over. Whatever was wanted before it is marked with it. */
  agree(epoch: string, proposal: string, replaces: string | undefined, mark: number | undefined): string | undefined {
    if (epoch !== this.#epoch) return undefined;
    const present = this.generation;
    if (present !== undefined && present !== replaces) return present;
    this.#storeGeneration(proposal);
    const { wanted, marked } = this.#marks();
    this.#storeMarks(wanted, Math.max(marked, mark ?? wanted));
    return proposal;
  }

  leaveMark(epoch: string, mark: number): void {
    const { wanted, marked } = this.#marks();
    if (epoch === this.#epoch && mark > marked) this.#storeMarks(wanted, mark);
  }

  #storeGeneration(generation: string): void {
    this.#contents.generations.set(AGREED, `${this.#epoch} ${generation}`, RECORD_STAY_MS);
  }

  #lastBeat(): Heartbeat['last'] {
    const last = this.#contents.notes.get('beat');
    return last?.kind === 'beat' ? { time: last.time, generation: last.generation } : undefined;
  }

  /** Those of another epoch count for nothing. */
  #marks(): { readonly wanted: number; readonly marked: number } {
    const note = this.#contents.notes.get('marks');
    return note?.kind === 'marks' && note.epoch === this.#epoch ? note : { wanted: 0, marked: 0 };
  }

  #storeMarks(wanted: number, marked: number): void {
    this.#contents.notes.set('marks', { kind: 'marks', epoch: this.#epoch, wanted, marked }, RECORD_STAY_MS);
  }
}
