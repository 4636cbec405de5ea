import type { Agreement, Heartbeat } from '../../core/ports/remote-tier.ts';
import type { Contents } from './contents.ts';
import { MOST_SHAPES, type Shape } from './names.ts';

/** Time for which the records of a history outlive its last heartbeat. */
const RECORD_STAY_MS = 30 * 24 * 60 * 60 * 1_000;
/** Name of the one generation record. */
const AGREED = 'agreed';

/**
 * An agreed generation and the shapes that have a place in it. A shape keeps its place as long as the generation lasts.
 */
interface Agreed extends Agreement {
  readonly shapes: readonly Shape[];
}

/** The parts of a heartbeat that an instance may add: a wish for a mark, and the generation that it vouches for. */
export interface BeatRequest {
  readonly wantsMark?: boolean | undefined;
  /** The generation for which the instance vouches. */
  readonly believed?: string | undefined;
}

/** A generation that an instance proposes. */
interface Proposal {
  readonly generation: string;
  readonly replaces: string | undefined;
  /** An agreement whose term does not exceed this one is replaced, whatever the proposal `replaces`. */
  readonly after: number;
}

/** Reads and writes the records about this run and the one before: the generation, the last heartbeat and the marks. */
export class History {
  readonly #epoch: string;
  readonly #contents: Contents;
  readonly #time: () => number;

  constructor(epoch: string, contents: Contents, time: () => number) {
    this.#epoch = epoch;
    this.#contents = contents;
    this.#time = time;
  }

  /** The generation agreed in this epoch. A record of another epoch does not count. */
  get agreement(): Agreed | undefined {
    const { epoch, ...agreed } = this.#recorded();
    return epoch === this.#epoch ? agreed : undefined;
  }

  /**
   * Returns true when records of a shape may lie in a generation. The epoch of the generation record does not matter: a
   * later epoch adopts that generation or uses none of its records.
   */
  admits(shape: Shape, generation: string): boolean {
    const recorded = this.#recorded();
    return recorded.generation === generation && recorded.shapes.includes(shape);
  }

  /** Returns the shapes whose records may lie in a generation. A generation under repair has the shapes of before. */
  shapesOf(generation: string): readonly Shape[] {
    const { agreement } = this;
    if (agreement?.generation === generation) return agreement.shapes;
    const last = this.#contents.notes.get('beat');
    return last?.kind === 'beat' && last.generation === generation ? last.shapes : [];
  }

  get generation(): string | undefined {
    return this.agreement?.generation;
  }

  /** Records a heartbeat. Returns the state that was there before it. */
  beat(
    shape: Shape,
    nonce: string,
    { wantsMark = false, believed }: BeatRequest,
  ): Omit<Heartbeat, 'epoch' | 'sequence'> {
    const { notes } = this.#contents;
    const time = Math.floor(this.#time());
    const agreement = this.agreement && withShape(this.agreement, shape);
    const generation = agreement?.generation;
    const last = this.#lastBeat();
    if (agreement !== undefined) {
      this.#store(agreement);
      const { shapes } = agreement;
      notes.set('beat', { kind: 'beat', time, generation: agreement.generation, shapes }, RECORD_STAY_MS);
    }
    const { marksCompleted, ...marks } = this.#marks();
    const marksRequested = wantsMark ? Math.max(marks.marksRequested, marksCompleted) + 1 : marks.marksRequested;
    if (wantsMark) this.#storeMarks(marksRequested, marksCompleted);
    const named = notes.get('identity');
    const identity = named?.kind === 'identity' ? named.identity : nonce;
    notes.set('identity', { kind: 'identity', identity }, RECORD_STAY_MS);
    const hasPlace = agreement?.shapes.includes(shape) ?? false;
    const isVouchedFor = generation !== undefined && this.#vouch(generation, believed);
    return {
      time,
      generation,
      term: agreement?.term ?? 0,
      hasPlace,
      last,
      identity,
      marksRequested,
      marksCompleted,
      isVouchedFor,
    };
  }

  /**
   * Records that an instance vouches for a generation. Returns true when any instance, this one included, vouches for
   * the present generation.
   */
  #vouch(generation: string, believed: string | undefined): boolean {
    const { notes } = this.#contents;
    const epoch = this.#epoch;
    if (believed === generation) notes.set('vouched', { kind: 'vouched', epoch, generation }, RECORD_STAY_MS);
    const held = notes.get('vouched');
    return held?.kind === 'vouched' && held.epoch === epoch && held.generation === generation;
  }

  /** Agrees a fresh generation, and completes all marks requested before. */
  agree(shape: Shape, { generation, replaces, after }: Proposal): Agreement {
    const present = this.agreement;
    const isKept = present !== undefined && present.generation !== replaces && present.term > after;
    return isKept ? this.#join(present, shape) : this.#begin({ generation, shapes: [shape] }, after, undefined);
  }

  /** Agrees a repaired generation where there is none, and leaves its mark. The shapes of before keep their places. */
  adopt(shape: Shape, generation: string, after: number, mark: number): Agreement {
    const { agreement } = this;
    if (agreement !== undefined) return this.#join(agreement, shape);
    return this.#begin(withShape({ generation, shapes: this.shapesOf(generation) }, shape), after, mark);
  }

  leaveMark(epoch: string, mark: number): void {
    const { marksRequested, marksCompleted } = this.#marks();
    if (epoch === this.#epoch && mark > marksCompleted) this.#storeMarks(marksRequested, mark);
  }

  #begin(given: Omit<Agreed, 'term'>, after: number, mark: number | undefined): Agreement {
    const former = this.agreement?.term ?? 0;
    const term = Math.max(Math.floor(this.#time()), after + 1, former + 1);
    this.#store({ ...given, term });
    const { marksRequested, marksCompleted } = this.#marks();
    this.#storeMarks(marksRequested, Math.max(marksCompleted, mark ?? marksRequested));
    return { generation: given.generation, term };
  }

  #join(agreed: Agreed, shape: Shape): Agreement {
    this.#store(withShape(agreed, shape));
    return { generation: agreed.generation, term: agreed.term };
  }

  #store({ generation, term, shapes }: Agreed): void {
    const record = `${this.#epoch} ${generation} ${term} ${shapes.join(',')}`;
    this.#contents.generations.set(AGREED, record, RECORD_STAY_MS);
  }

  #recorded(): Agreed & { readonly epoch: string | undefined } {
    const [epoch, generation = '', term, shapes = ''] = this.#contents.generations.get(AGREED)?.split(' ') ?? [];
    return { epoch, generation, term: Number(term), shapes: shapes.split(',') };
  }

  #lastBeat(): Heartbeat['last'] {
    const last = this.#contents.notes.get('beat');
    return last?.kind === 'beat' ? { time: last.time, generation: last.generation } : undefined;
  }

  /** Returns the marks of this epoch. Marks of another epoch do not count. */
  #marks(): { readonly marksRequested: number; readonly marksCompleted: number } {
    const note = this.#contents.notes.get('marks');
    return note?.kind === 'marks' && note.epoch === this.#epoch ? note : { marksRequested: 0, marksCompleted: 0 };
  }

  #storeMarks(marksRequested: number, marksCompleted: number): void {
    this.#contents.notes.set(
      'marks',
      { kind: 'marks', epoch: this.#epoch, marksRequested, marksCompleted },
      RECORD_STAY_MS,
    );
  }
}

function withShape<T extends Pick<Agreed, 'shapes'>>(agreed: T, shape: Shape): T {
  const { shapes } = agreed;
  if (shapes.includes(shape) || shapes.length >= MOST_SHAPES) return agreed;
  return { ...agreed, shapes: [...shapes, shape] };
}
