import { describe, expect, test } from 'bun:test';
import { TagRegistry, type TagState } from '../../../../src/core/model/tags.ts';
import { EndedTags } from '../../../../src/core/state/ended-tags.ts';
import type { Flight, FlightSetup } from '../../../../src/core/state/flight.ts';
import { Flights } from '../../../../src/core/state/flights.ts';
import { NOTHING_UNDELIVERED } from '../../../../src/core/state/pending-invalidations.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';

interface Fixture {
  readonly flights: Flights<string>;
  readonly time: VirtualTime;
  /** Begins a flight that ends when told to. */
  begin(id: string, setup?: Partial<FlightSetup>): { flight: Flight<string>; end: (value: string) => Promise<unknown> };
}

function fixture(): Fixture {
  const time = new VirtualTime();
  const clock = time.clockOf(new Host('here'));
  const flights = new Flights<string>(clock);
  return {
    flights,
    time,
    begin(id, setup) {
      const { promise, resolve } = Promise.withResolvers<string>();
      const whole: FlightSetup = {
        seen: { epoch: 'e', sequence: 1 },
        tags: [],
        undelivered: NOTHING_UNDELIVERED,
        background: false,
        mayLoad: true,
        hardTimeoutMs: 10_000,
        leaseWaitMs: Infinity,
        l2TimeoutMs: 50,
        isWrite: false,
        ...setup,
      };
      const flight = flights.begin(id, whole, () => promise);
      return {
        flight,
        end: (value) => {
          resolve(value);
          return flight.result;
        },
      };
    },
  };
}

const EVER = Number.NEGATIVE_INFINITY;

describe('a flight', () => {
  test('may be joined from its first step to its end', async () => {
    const { flights, begin } = fixture();
    const { flight, end } = begin('k');
    expect(flights.joinable('k', EVER)).toBe(flight);
    expect(flights.size).toBe(1);
    await end('value');
    expect(flights.joinable('k', EVER)).toBeUndefined();
    expect(flights.size).toBe(0);
  });

  test('may not be joined by who needs a newer one', () => {
    const { flights, begin, time } = fixture();
    time.runUntil(100);
    const { flight } = begin('k');
    expect(flights.joinable('k', 100)).toBe(flight);
    expect(flights.joinable('k', 101)).toBeUndefined();
  });

  test('may not be joined, and does not count as a load, when it is a plain read', () => {
    const { flights, begin } = fixture();
    for (let count = 0; count < 5; count += 1) begin('k', { mayLoad: false });
    expect(flights.joinable('k', EVER)).toBeUndefined();
    expect(flights.hasRoom('k')).toBe(true);
  });

  test('that fails leaves the register too', async () => {
    const { flights } = fixture();
    const setup = {
      seen: { epoch: undefined, sequence: 0 },
      tags: [],
      undelivered: NOTHING_UNDELIVERED,
      background: false,
      mayLoad: true,
      hardTimeoutMs: 10_000,
      leaseWaitMs: Infinity,
      l2TimeoutMs: 50,
      isWrite: false,
    };
    const flight = flights.begin('k', setup, () => Promise.reject(new Error('down')));
    await expect(flight.result).rejects.toThrow('down');
    expect(flights.size).toBe(0);
  });

  test('is aborted when the last who waits has left, unless it runs in the background', () => {
    const { begin } = fixture();
    const { flight } = begin('k');
    flight.join(10_000);
    flight.join(10_000);
    flight.leave('one');
    expect(flight.signal.aborted).toBe(false);
    flight.leave('two');
    expect(flight.signal.reason).toBe('two');
    const { flight: refresh } = begin('l', { background: true });
    refresh.join(10_000);
    refresh.leave('one');
    expect(refresh.signal.aborted).toBe(false);
  });

  test('offers the first stale value that it meets', async () => {
    const { flight } = fixture().begin('k');
    flight.offer('first', undefined);
    flight.offer('second', undefined);
    expect(await flight.candidate).toBe('first');
  });
});

describe('an invalidation', () => {
  test('of a key takes the right to store from its flights, and no caller joins them', () => {
    const { flights, begin } = fixture();
    const { flight } = begin('k');
    const { flight: other } = begin('l');
    flights.poison(['k'], []);
    expect([flight.mayStore, other.mayStore]).toEqual([false, true]);
    expect(flights.joinable('k', EVER)).toBeUndefined();
    expect(flights.joinable('l', EVER)).toBe(other);
  });

  test('of a tag does so to flights that carry it, and is noted by the others', () => {
    const { flights, begin, time } = fixture();
    const tags = new TagRegistry(time.clockOf(new Host('here')));
    const { flight: carrying } = begin('k', { tags: [tags.obtain('t')] });
    const { flight: other } = begin('l', { tags: [tags.obtain('u')] });
    tags.invalidate('t', 'delete');
    flights.poison([], ['t']);
    expect([carrying.poisoned, other.poisoned]).toEqual([true, false]);
    expect([carrying.mayStore, other.mayStore]).toEqual([false, true]);
    expect([flights.joinable('k', EVER), flights.joinable('l', EVER)]).toEqual([undefined, other]);
    expect([carrying.hasEnded(['t']), other.hasEnded(['t']), other.hasEnded(['u'])]).toEqual([true, true, false]);
  });

  test('of a tag visits none of ten thousand flights, whether or not they carry it', () => {
    const { flights, begin, time } = fixture();
    const tags = new TagRegistry(time.clockOf(new Host('here')));
    let visits = 0;
    const counting = (tag: string): readonly TagState[] =>
      new Proxy([tags.obtain(tag)], {
        get: (target, name, receiver): unknown => {
          visits += 1;
          return Reflect.get(target, name, receiver);
        },
      });
    const all = Array.from({ length: 10_000 }, (_, index) => {
      const { flight } = begin(`k${index}`, { tags: counting(index % 2 === 0 ? 't' : `u${index}`) });
      const poison = flight.poison.bind(flight);
      flight.poison = () => {
        visits += 1;
        poison();
      };
      return flight;
    });
    visits = 0;
    for (let count = 0; count < 20; count += 1) {
      tags.invalidate('t', 'delete');
      flights.poison([], ['t', ...Array.from({ length: 40 }, (_, index) => `v${index}`)]);
    }
    expect(visits).toBe(0);
    expect(all.filter(({ mayStore }) => !mayStore).length).toBe(5_000);
  });

  test('of a key visits the flights of that key alone', () => {
    const { flights, begin } = fixture();
    const visited: string[] = [];
    for (const id of ['k', 'k', 'l', 'm']) {
      const { flight } = begin(id);
      flight.poison = () => void visited.push(id);
    }
    flights.poison(['k'], ['t']);
    expect(visited).toEqual(['k', 'k']);
  });

  test('by pattern does so to flights whose id matches', () => {
    const { flights, begin } = fixture();
    const [one, two] = [begin('a1').flight, begin('b1').flight];
    flights.poison([], [], (id) => id.startsWith('a'));
    expect([one.poisoned, two.poisoned]).toEqual([true, false]);
  });

  test('of everything does so to all', () => {
    const { flights, begin } = fixture();
    const all = [begin('a').flight, begin('a').flight, begin('b').flight];
    flights.poisonAll();
    expect(all.every(({ poisoned }) => poisoned)).toBe(true);
  });
});

describe('two flights of a key', () => {
  test('leave no room for a third, until one ends', async () => {
    const { flights, begin } = fixture();
    const [first] = [begin('k'), begin('k')];
    expect(flights.hasRoom('k')).toBe(false);
    expect(flights.hasRoom('l')).toBe(true);
    const free = flights.untilOneEnds('k');
    await first.end('value');
    await free;
    expect(flights.hasRoom('k')).toBe(true);
  });

  test('the first to end takes the right to store from the other', () => {
    const { flights, begin } = fixture();
    const [first, second] = [begin('k').flight, begin('k').flight];
    flights.supersedeOthers(second);
    expect([first.mayStore, second.mayStore]).toEqual([false, true]);
  });
});

test('once all are aborted, those that come late are aborted from the start', () => {
  const { flights, begin } = fixture();
  const { flight } = begin('k');
  flights.abortAll('closing');
  expect(flight.signal.reason).toBe('closing');
  expect(begin('l').flight.signal.reason).toBe('closing');
  expect(flights.joinable('l', EVER)).toBeUndefined();
});

test('a flight is told of no tag that ended before it began, nor a reader of one that ended after it had joined', async () => {
  const { flights, begin } = fixture();
  const { flight: early, end } = begin('k');
  flights.poison([], ['s']);
  const { flight: late } = begin('l');
  expect([early.hasEnded(['s']), late.hasEnded(['s'])]).toEqual([true, false]);
  const joinedAt = early.endedSoFar;
  flights.poison([], ['t']);
  expect([early.hasEnded(['t']), early.hasEnded(['t'], joinedAt)]).toEqual([true, false]);
  await end('value');
  // A reader looks when the flight has ended, and others may have begun and ended since.
  expect(early.hasEnded(['s'], joinedAt)).toBe(true);
  expect([early.hasEnded(['t'], joinedAt), early.hasEnded(['u'], joinedAt)]).toEqual([false, false]);
});

describe('the log of ended tags', () => {
  test('tells by its places what ended when', () => {
    const ended = new EndedTags();
    expect(ended.has('t', 0)).toBe(false);
    ended.add(['s', 't']);
    const place = ended.end;
    ended.add(['t', 'u']);
    expect([ended.has('s', 0), ended.has('s', place)]).toEqual([true, false]);
    expect([ended.has('t', 0, place), ended.has('t', place), ended.has('t', ended.end)]).toEqual([true, true, false]);
    expect([ended.has('u', 0, place), ended.has('u', place)]).toEqual([false, true]);
  });

  test('is bounded: to a flight that began before what it remembers, every tag has ended', () => {
    const ended = new EndedTags();
    for (let index = 0; index < 2_001; index += 1) ended.add([`t${index}`]);
    expect(ended.has('never named', 0)).toBe(true);
    expect(ended.has('never named', 1_500)).toBe(false);
    expect(ended.has('t1600', 1_500)).toBe(true);
    expect(ended.has('t1600', 1_700)).toBe(false);
  });

  test('takes more names at once than it can remember as all there are', () => {
    const ended = new EndedTags();
    const place = ended.end;
    ended.add(Array.from({ length: 10_000 }, (_, index) => `t${index}`));
    expect(ended.has('never named', place)).toBe(true);
    expect(ended.has('never named', ended.end)).toBe(false);
  });
});
