import type { Agreement, Heartbeat } from '../../core/ports/remote-tier.ts';
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
  get agreement(): Agreement | undefined {
    const [epoch, generation = '', term] = this.#contents.generations.get(AGREED)?.split(' ') ?? [];
    return epoch === this.#epoch ? { generation, term: Number(term) } : undefined;
  }

  /** The generation in the record, of whatever epoch it is. */
  get recorded(): string | undefined {
    return this.#contents.generations.get(AGREED)?.split(' ')[1];
  }

  get generation(): string | undefined {
    return this.agreement?.generation;
  }

  /** Notes a heartbeat, and what was there before it. */
  beat(nonce: string, wantsMark: boolean): Omit<Heartbeat, 'epoch' | 'sequence'> {
    const { notes } = this.#contents;
    const time = Math.floor(this.#time());
    const { agreement } = this;
    const generation = agreement?.generation;
    const last = this.#lastBeat();
    if (agreement !== undefined) {
      this.#storeAgreement(agreement);
      notes.set('beat', { kind: 'beat', time, generation: agreement.generation }, RECORD_STAY_MS);
    }
    const { marked, ...marks } = this.#marks();
    const wanted = wantsMark ? Math.max(marks.wanted, marked) + 1 : marks.wanted;
    if (wantsMark) this.#storeMarks(wanted, marked);
    const named = notes.get('identity');
    const identity = named?.kind === 'identity' ? named.identity : nonce;
    notes.set('identity', { kind: 'identity', identity }, RECORD_STAY_MS);
    return { time, generation, term: agreement?.term ?? 0, last, identity, wanted, marked };
  }

  /**
   * Agrees a fresh generation, and marks with it whatever was wanted before; `undefined` when the epoch is over.
   * @param after An agreement whose term does not exceed this one is replaced, whatever the proposal `replaces`.
   */
  agree(epoch: string, generation: string, replaces: string | undefined, after: number): Agreement | undefined {
    if (epoch !== this.#epoch) return undefined;
    const present = this.agreement;
    if (present !== undefined && present.generation !== replaces && present.term > after) return present;
    return this.#begin(generation, after, undefined);
  }

  /** Agrees a repaired generation where there is none, and leaves its mark; `undefined` when the epoch is over. */
  adopt(epoch: string, generation: string, after: number, mark: number): Agreement | undefined {
    if (epoch !== this.#epoch) return undefined;
    return this.agreement ?? this.#begin(generation, after, mark);
  }

  leaveMark(epoch: string, mark: number): void {
    const { wanted, marked } = this.#marks();
    if (epoch === this.#epoch && mark > marked) this.#storeMarks(wanted, mark);
  }

  #begin(generation: string, after: number, mark: number | undefined): Agreement {
    const former = this.agreement?.term ?? 0;
    const begun = { generation, term: Math.max(Math.floor(this.#time()), after + 1, former + 1) };
    this.#storeAgreement(begun);
    const { wanted, marked } = this.#marks();
    this.#storeMarks(wanted, Math.max(marked, mark ?? wanted));
    return begun;
  }

  #storeAgreement({ generation, term }: Agreement): void {
    this.#contents.generations.set(AGREED, `${this.#epoch} ${generation} ${term}`, RECORD_STAY_MS);
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
