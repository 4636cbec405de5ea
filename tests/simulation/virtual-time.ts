import { drainMicrotasks } from 'bun:jsc';
import type { Clock } from '../../src/core/primitives/clock.ts';
import { Agenda, type Due } from '../../src/testing/agenda.ts';

/** A process of the simulated world: its events wait while it is paused, and never come once it has crashed. */
export class Host {
  readonly name: string;
  pausedUntil = 0;
  crashed = false;
  /** How long the host has slept, up to the end of the present sleep. */
  #sleptMs = 0;
  #wakesAt = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** The process stands, and its monotonic clock with it. Answers when it wakes. */
  sleep(now: number, ms: number): number {
    this.#sleptMs += Math.max(now + ms - Math.max(now, this.#wakesAt), 0);
    this.#wakesAt = Math.max(this.#wakesAt, now + ms);
    this.pausedUntil = Math.max(this.pausedUntil, this.#wakesAt);
    return this.#wakesAt;
  }

  /** For how long the monotonic clock has stood still by that moment. */
  sleptMs(now: number): number {
    return this.#sleptMs - Math.max(this.#wakesAt - now, 0);
  }
}

/** The clock of a server, which wants no timers and never sleeps. */
export function sleeplessClock(now: () => number): Clock {
  return { now, wall: now, after: () => () => {} };
}

/** What is left of a timer below this is a matter of rounding. */
const TIMER_STEP_MS = 1e-6;

interface Happening extends Due {
  readonly host: Host | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Time that moves from event to event. Between two events every promise that can settle does, so one order of events
 * is one run: nothing depends on the machine.
 */
export class VirtualTime {
  #now = 0;
  #order = 0;
  readonly #agenda = new Agenda<Happening>();

  get now(): number {
    return this.#now;
  }

  /** Runs `run` at that moment, or as soon after it as its host is awake. Answers a function that cancels it. */
  at(moment: number, run: () => void, host?: Host): () => void {
    this.#order += 1;
    const happening: Happening = { at: Math.max(moment, this.#now), order: this.#order, host, run, cancelled: false };
    this.#agenda.add(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  /** The clock of one host, from an origin and at a speed of its own. */
  clockOf(host: Host, origin = 0, speed = 1): Clock {
    return {
      now: () => (this.#now - host.sleptMs(this.#now)) * speed + origin,
      wall: () => this.#now,
      after: (ms, run) => (ms === Infinity ? () => {} : this.#after(ms / speed, run, host)),
    };
  }

  /** A timer counts by the monotonic clock: what the host sleeps meanwhile comes on top. */
  #after(ms: number, run: () => void, host: Host): () => void {
    const sleptBefore = host.sleptMs(this.#now);
    const due = this.#now + ms;
    let cancel = this.at(
      due,
      () => {
        // The timer of a host that wakes after it was due may have run down in part before the sleep.
        const leftMs = due + host.sleptMs(this.#now) - sleptBefore - this.#now;
        if (leftMs < TIMER_STEP_MS) return run();
        cancel = this.#after(leftMs, run, host);
      },
      host,
    );
    return () => cancel();
  }

  /** Lets everything happen that is due up to `end`. */
  runUntil(end: number): void {
    drainMicrotasks();
    for (let { next } = this.#agenda; next !== undefined && next.at <= end; { next } = this.#agenda) {
      this.#agenda.take();
      if (next.cancelled || next.host?.crashed) continue;
      this.#now = next.at;
      if (next.host !== undefined && next.host.pausedUntil > this.#now) {
        this.#agenda.add({ ...next, at: next.host.pausedUntil });
        continue;
      }
      next.run();
      drainMicrotasks();
    }
    this.#now = Math.max(this.#now, end);
  }
}
