import type { Lookup } from '../../core/model/lookup.ts';
import { ageInSeconds, headersOf } from './cache-headers.ts';
import { roundedMs } from './server-timing.ts';

/** The headers of an answer with a body, and of a 304. */
export interface AnswerHeaders {
  readonly full: { readonly headers: Headers };
  readonly notModified: { readonly status: 304; readonly headers: Headers };
}

/**
 * Holds the headers of one value's L1 hits. They change with the second and not with the request. A ready `Headers`
 * costs an answer a third of the time of a new one, so the last hit's object is kept.
 */
export class HitHeaders {
  readonly #own: Readonly<Record<string, string>>;
  #last: AnswerHeaders | undefined;
  #ttl = 0;
  #age = 0;
  #duration = 0;

  /** @param own Headers that depend on the value alone. */
  constructor(own: Readonly<Record<string, string>>) {
    this.#own = own;
  }

  /**
   * Returns headers that callers must only read, since the next hit may get the same object. `lookup` must be a fresh
   * L1 hit.
   */
  of(lookup: Lookup<unknown>): AnswerHeaders {
    const ttl = Math.floor(lookup.ttl / 1_000);
    const age = ageInSeconds(lookup);
    const duration = roundedMs(lookup.steps.l1?.durationMs ?? 0);
    if (this.#last !== undefined && ttl === this.#ttl && age === this.#age && duration === this.#duration)
      return this.#last;
    this.#ttl = ttl;
    this.#age = age;
    this.#duration = duration;
    this.#last = answerHeaders(this.#own, lookup);
    return this.#last;
  }
}

export function answerHeaders(
  own: Readonly<Record<string, string>>,
  lookup: Lookup<unknown>,
  notStored?: string | undefined,
): AnswerHeaders {
  const full = new Headers({ ...own, ...headersOf(lookup, notStored) });
  const notModified = new Headers(full);
  notModified.delete('content-type');
  return { full: { headers: full }, notModified: { status: 304, headers: notModified } };
}
