import { type Agreement, type Heartbeat, isSameHistory, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import type { Clock, Random } from '../primitives/clock.ts';

/** The age at which a generation without a place for one more version ends. Until then that version reads no L2. */
const CROWDED_FOR_MS = 10 * 60_000;

/** The shortest time between two new generations that begin because this version has lost its place. */
const LOST_PLACE_EVERY_MS = 60_000;

/** The time for which a history without a generation waits for a relay. Then a fresh, cold one begins. */
const PATIENCE_MS = 5_000;

/** The work that L2 asks of the relay at this moment. */
export type Demand =
  /** L2 takes no orders. */
  | { readonly kind: 'away' }
  /** The relay delivers the rows that are due. */
  | { readonly kind: 'due'; readonly identity: string; readonly session: Session }
  /** An instance has come back. The relay delivers all rows that are committed by now, then leaves the mark. */
  | { readonly kind: 'mark'; readonly identity: string; readonly session: Session; readonly wanted: number }
  /** Another history has begun. Its entries count again once the rows that they may have missed are delivered. */
  | {
      readonly kind: 'repair';
      readonly identity: string;
      readonly epoch: string;
      /** Milliseconds of the server's clock. */
      readonly time: number;
      readonly wanted: number;
      readonly last: Heartbeat['last'];
    };

/** One epoch and what was agreed in it. */
interface AgreedHistory extends Agreement {
  readonly epoch: string;
}

/** The judgement of one heartbeat: the history of the server, and if it may be read already. */
export interface Judgement {
  /** `undefined` while no generation is agreed. */
  readonly session: Session | undefined;
  readonly isRepaired: boolean;
  /** L2 may be read for answers that are flagged as stale, while it is not repaired. */
  readonly answersFlagged?: boolean;
  /**
   * Other versions of the cache have all places in the generation, so this one stores and reads nothing there. It may tell its
   * orders: they reach the records of all versions that have a place.
   */
  readonly isCrowded?: boolean;
  /** This version had a place in the generation and has lost it, which no instance does: the generation begins anew. */
  readonly hasLostPlace?: boolean;
}

/*
 * The states of L2's history, as one instance sees it. The heartbeat loop moves them, and `judge` below decides the next one.
 * docs/protocol.md has the table of transitions.
 *
 *     first contact <------------ a call -------------- resting
 *        |     |                                           ^
 *        |     | answered, nothing to repair               | no call for 10 D
 *        |     '-------------------------------------> believed <-- the mark is there ---.
 *        | two misses                                    ^ |                             |
 *        v                                               | |                             |
 *     unknown ------ answered, nothing to repair --------' |                             |
 *      | | ^                                               |                             |
 *      | | '-- connection lost, no heartbeat for D, -------'                             |
 *      | |     other history, host slept                                                 |
 *      | '---- outbox, and a mark is needed --------------------------------------> unrepaired
 *      |                                                                                 ^
 *      '------ outbox, and the epoch has none --> no generation -- 5 s without a relay --'
 *
 *     no generation --- adopted by the relay ---> believed
 *     unknown --- eight other versions have the places ---> no place --- renewed after ten minutes ---> believed
 */

/**
 * Decides when this instance believes L2 after another history has begun, or after an outage in which peers may have
 * committed changes that they could not tell. Without an outbox it needs a fresh generation. With one, the relay delivers
 * the missed changes, and an outage ends for this instance with a mark that is younger than its own return.
 */
export class Recovery {
  readonly hasOutbox: boolean;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxLagMs: number;
  #latest: { readonly heartbeat: Heartbeat; readonly at: number } | undefined;
  #needed: { readonly epoch: string; readonly mark: number } | undefined;
  /** An outage is over, and no heartbeat that asks for a mark has been answered since. */
  #hasMissed = false;
  #waitingSince: number | undefined;
  /**
   * The history that this instance has believed last, with all repairs done. One that has believed none yet takes over what
   * a peer vouches for (race 53).
   */
  #repaired: Session | undefined;
  /** This instance believes {@link #repaired} at present. */
  #isBelieved = false;
  /** The generation in which this version has had a place at the last heartbeat that found one. */
  #placedIn: string | undefined;
  /** The time at which the loss of that place was last reported. */
  #lostPlaceAt = Number.NEGATIVE_INFINITY;
  /** The generation in which this version has no place, and since when, as far as this instance has seen. */
  #crowded: { readonly generation: string; readonly since: number } | undefined;
  /** The history that this instance has used last: its own orders may have been told there, and nowhere else. */
  #used: AgreedHistory | undefined;

  constructor(clock: Clock, random: Random, maxLagMs: number, hasOutbox: boolean) {
    this.hasOutbox = hasOutbox;
    this.#clock = clock;
    this.#random = random;
    this.#maxLagMs = maxLagMs;
  }

  /** The term of the history that this instance has used last; 0 before the first. */
  get term(): number {
    return this.#used?.term ?? 0;
  }

  /**
   * True when a history may be used. An instance uses a later one than its last, or that one itself. An earlier one may have
   * missed what later ones were told: the address led to another server meanwhile, or two databases were swapped twice
   * (races 37 and 38). The order comes from terms, so the instance need not remember which histories it has left.
   */
  mayUse({ epoch, generation, term }: AgreedHistory): boolean {
    const used = this.#used;
    if (used === undefined || term > used.term) return true;
    return term === used.term && epoch === used.epoch && generation === used.generation;
  }

  /** True while L2 answers and is not believed yet. */
  get isWaiting(): boolean {
    return this.#waitingSince !== undefined;
  }

  /** True when a heartbeat that is sent now must ask for a mark. The last accepted one is too long ago, or there is none. */
  wantsMark(lastAccepted: number | undefined, now: number): boolean {
    if (!this.hasOutbox) return false;
    // The record in which it was asked for may have been evicted.
    const isForgotten = (this.#latest?.heartbeat.marksRequested ?? 0) < (this.#needed?.mark ?? 0);
    return this.#hasMissed || isForgotten || lastAccepted === undefined || now - lastAccepted > this.#maxLagMs;
  }

  /** This instance was cut off for longer than the bound, whatever heartbeats of then have been answered since. */
  missed(): void {
    this.#hasMissed = true;
    this.#waitingSince = undefined;
    this.#isBelieved = false;
  }

  /** The generation for which this instance vouches in its heartbeats. Without an outbox there is nothing to repair. */
  get believed(): string | undefined {
    return this.#isBelieved ? this.#repaired?.generation : undefined;
  }

  /** The time for which L2 has answered and this instance has not used it, in milliseconds. */
  get waitedMs(): number {
    return this.#waitingSince === undefined ? 0 : this.#clock.now() - this.#waitingSince;
  }

  /**
   * Takes note of a heartbeat's answer.
   * @param hasAsked True when it asked for a mark.
   */
  async judge(told: Heartbeat, hasAsked: boolean, tier: RemoteTier): Promise<Judgement> {
    const hasLostPlace = this.#hasLostPlace(told);
    return { ...(await this.#judge(told, hasAsked, tier, hasLostPlace)), hasLostPlace };
  }

  /**
   * Says if another program has written the record of the generation: a version keeps its place as long as that lasts. It
   * is said at most once in {@link LOST_PLACE_EVERY_MS}, since each time costs all that L2 holds.
   */
  #hasLostPlace({ generation, hasPlace }: Heartbeat): boolean {
    const now = this.#clock.now();
    if (hasPlace || generation === undefined || generation !== this.#placedIn) return false;
    if (now - this.#lostPlaceAt < LOST_PLACE_EVERY_MS) return false;
    this.#lostPlaceAt = now;
    return true;
  }

  async #judge(told: Heartbeat, hasAsked: boolean, tier: RemoteTier, hasLostPlace: boolean): Promise<Judgement> {
    const now = this.#clock.now();
    this.#latest = { heartbeat: told, at: now };
    const heartbeat = await this.#leaveEarlier(told, tier, hasLostPlace);
    this.#latest = { heartbeat, at: now };
    const { epoch, generation, term } = heartbeat;
    if (generation !== undefined && !heartbeat.hasPlace) {
      this.#isBelieved = false;
      return { session: this.#use({ epoch, generation, term }), isRepaired: false, isCrowded: true };
    }
    this.#placedIn = generation;

    if (!this.hasOutbox) {
      const agreed = generation === undefined ? await this.#agree(epoch, tier) : { generation, term };
      return { session: this.#use({ epoch, ...agreed }), isRepaired: true };
    }

    this.#isBelieved = this.#isRepaired(heartbeat, hasAsked) && generation !== undefined;
    if (this.#isBelieved && generation !== undefined) {
      this.#waitingSince = undefined;
      this.#repaired = { epoch, generation };
      return { session: this.#use({ epoch, generation, term }), isRepaired: true };
    }

    this.#waitingSince ??= now;
    // A generation that others believe in is not this instance's to end, however long it has to read around it.
    if (generation !== undefined) {
      const session = this.#use({ epoch, generation, term });
      return { session, isRepaired: false, answersFlagged: this.mayAnswerFlagged(session, heartbeat) };
    }
    if (now - this.#waitingSince < PATIENCE_MS) return { session: undefined, isRepaired: false };
    // No relay repairs. A fresh generation holds nothing old, and the mark of its beginning is this instance's too.
    this.#waitingSince = now;
    return { session: this.#use({ epoch, ...(await this.#agree(epoch, tier)) }), isRepaired: false };
  }

  /**
   * Says if L2 may be read for flagged answers although it is not repaired: in the history that was repaired last, and in no
   * other. A value that was removed there is gone; in another epoch it may be there again.
   */
  protected mayAnswerFlagged(session: Session, { isVouchedFor }: Pick<Heartbeat, 'isVouchedFor'>): boolean {
    if (isVouchedFor) this.#repaired ??= session;
    return isSameHistory(this.#repaired, session);
  }

  /**
   * An earlier history goes on in a fresh generation, for this instance and for all others. So does one whose places are
   * taken, unless that would happen again and again because more versions are in use than there are places.
   */
  async #leaveEarlier(heartbeat: Heartbeat, tier: RemoteTier, hasLostPlace: boolean): Promise<Heartbeat> {
    const { epoch, generation, term, hasPlace } = heartbeat;
    if (generation === undefined) return heartbeat;
    const isCrowded = hasLostPlace || (!hasPlace && this.#isCrowdedForLong(generation, heartbeat));
    if (!isCrowded && this.mayUse({ epoch, generation, term })) return heartbeat;
    const agreed = await this.#agree(epoch, tier, isCrowded ? generation : undefined);
    return { ...heartbeat, ...agreed, hasPlace: hasPlace || agreed.generation !== generation };
  }

  /** By its term, or as long as this instance has seen it: another program may have written a term of any age. */
  #isCrowdedForLong(generation: string, { time, term }: Heartbeat): boolean {
    const now = this.#clock.now();
    if (this.#crowded?.generation !== generation) this.#crowded = { generation, since: now };
    return time - term >= CROWDED_FOR_MS || now - this.#crowded.since >= CROWDED_FOR_MS;
  }

  #agree(epoch: string, tier: RemoteTier, replaces?: string): Promise<Agreement> {
    return tier.agreeGeneration(epoch, this.#random.token(), replaces, this.term);
  }

  #use(history: AgreedHistory): Session {
    this.#used = history;
    return { epoch: history.epoch, generation: history.generation };
  }

  /** The work that the latest heartbeat asks of the relay. A heartbeat that is too old says nothing. */
  get demand(): Demand {
    if (this.#latest === undefined || this.#clock.now() - this.#latest.at > this.#maxLagMs) return { kind: 'away' };
    const {
      identity,
      epoch,
      generation,
      time,
      last,
      marksRequested: wanted,
      marksCompleted: marked,
    } = this.#latest.heartbeat;
    if (generation === undefined) return { kind: 'repair', identity, epoch, time, wanted, last };
    const session = { epoch, generation };
    return wanted > marked ? { kind: 'mark', identity, session, wanted } : { kind: 'due', identity, session };
  }

  #isRepaired({ epoch, marksRequested: wanted, marksCompleted: marked }: Heartbeat, hasAsked: boolean): boolean {
    if (hasAsked) {
      this.#needed = { epoch, mark: wanted };
      this.#hasMissed = false;
    }
    // A generation of a later epoch was agreed after all that this instance has missed in an earlier one.
    if (this.#needed?.epoch !== epoch || marked >= this.#needed.mark) this.#needed = undefined;
    return this.#needed === undefined && !this.#hasMissed;
  }
}
