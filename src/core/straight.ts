import { account, accountError, count } from './account.ts';
import { acquire } from './acquisitions.ts';
import { refilledOf } from './answers.ts';
import { type Entry, freshnessOf } from './entry.ts';
import type { Flight } from './flights.ts';
import { recall } from './generations.ts';
import { keep } from './keep.ts';
import type { TierStep } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { Envelope } from './ports.ts';
import type { Acquired, Question } from './question.ts';
import { flightSetup, lookupOf, refreshBehind } from './read.ts';
import type { ReadRequest } from './read-request.ts';
import { offerStale, refill, stepOf } from './refill.ts';
import type { Refilled } from './refilled.ts';
import type { Asked } from './remote.ts';
import type { Generations } from './tags.ts';
import { NO_SPAN } from './tracer.ts';
import { judge, openEnvelope } from './verdict.ts';
import { waitFor } from './wait-for.ts';

/**
 * The usual course of a lookup: nobody is at the key, L1 has nothing that could serve, L2 is well and holds a fresh value.
 * The same steps as `answer` and `refill` take, in the same order, without a promise between them, which would cost more
 * than the steps. What L2 says beyond that is left to `refill`.
 * @returns nothing when it is not the usual course; nothing has been done then.
 */
export function lookUpStraight(
  parts: Parts,
  request: ReadRequest,
  wanted: 'value' | 'lookup',
): Promise<unknown> | undefined {
  const { l1, remote, flights, clock, proof, pending } = parts;
  const { id, options } = request;
  if (remote === undefined || !remote.breaker.isClosed || remote.contact.isAwaited || !pending.isEmpty)
    return undefined;
  if (options.forceFresh || options.signal?.aborted || flights.countOf(id) > 0) return undefined;
  const began = clock.now();
  const local = l1.get(id);
  if (began > proof.until || (local !== undefined && (local.failed || began < local.localUntil))) return undefined;
  const flight = flights.open(id, flightSetup(parts, request, { background: false, mayLoad: true, beganAt: began }));
  if (local !== undefined) offerStale(parts, flight, { entry: local, tier: 'l1' }, undefined);
  const deliver = (refilled: Refilled): unknown => {
    if (refilled.state === 'stale' && refilled.source === undefined) refreshBehind(parts, request, NO_SPAN);
    if (wanted === 'value' && parts.observers.size === 0) {
      count(request, refilled, refilled.source);
      return refilled.value;
    }
    const lookup = lookupOf(parts, refilled, l1StepOf(local, began, refilled.keptInL1), began);
    account(parts, request, lookup);
    return wanted === 'value' ? lookup.value : lookup;
  };
  const fail = (error: unknown): never => {
    throw accountError(parts, request, error);
  };
  // Who may leave before the end, or take something else instead, waits as everybody who joins.
  if (options.signal !== undefined || options.softTimeoutMs !== Infinity) {
    const waiting = waitFor(clock, flight, options).then(deliver, fail);
    const onAcquired: Question['onAcquired'] = (...answer) => void takeAnswer(parts, request, flight, ...answer);
    acquire(parts, remote, { request, flight, onAcquired });
    return waiting;
  }
  flight.join();
  return new Promise((resolve) => {
    const onAcquired: Question['onAcquired'] = (asked, generations, now) => {
      const refilled = takeAnswer(parts, request, flight, asked, generations, now);
      resolve(refilled === undefined ? flight.result.then(deliver, fail) : deliver(refilled));
    };
    acquire(parts, remote, { request, flight, onAcquired });
  });
}

/** Ends the flight with what L2 holds, if that is fresh; else lets it go on by itself. */
function takeAnswer(
  parts: Parts,
  request: ReadRequest,
  flight: Flight<Refilled>,
  asked: Asked<Acquired>,
  generations: Generations,
  now: number,
): Refilled | undefined {
  const value = asked.ok && asked.value.record.kind === 'value' ? asked.value.record.value : undefined;
  const opened = value && openEnvelope(parts, request, value);
  if (value !== undefined && opened !== undefined && knowsAll(parts, opened, generations)) {
    const verdict = judge(parts, request, flight, value, opened, generations, now);
    if (verdict.kind === 'usable' && verdict.state === 'fresh') {
      const { entry } = verdict;
      const kept = keep(parts, flight, entry);
      const refilled = refilledOf(
        entry,
        'fresh',
        'l2',
        kept,
        stepOf('hit', undefined, false, now - flight.beganAt),
        undefined,
      );
      parts.flights.settle(flight, refilled);
      return refilled;
    }
  }
  parts.flights.follow(flight, refill(parts, request, flight, { asked, generations, opened }));
  return undefined;
}

/** Whether the generations of all its tags are known, so that nothing more need be asked. */
function knowsAll(
  parts: Parts,
  { envelope: { tags } }: { readonly envelope: Envelope },
  generations: Generations,
): boolean {
  for (const [tag] of tags) if (!generations.has(tag) && recall(parts, [tag], generations).length > 0) return false;
  return true;
}

/** What L1 had to say. */
function l1StepOf(local: Entry | undefined, began: number, stored: boolean): TierStep {
  const isStale = local !== undefined && began >= local.freshUntil && freshnessOf(local, began) !== undefined;
  return { outcome: isStale ? 'stale' : 'miss', reason: undefined, stored, collapsed: false, durationMs: 0 };
}
