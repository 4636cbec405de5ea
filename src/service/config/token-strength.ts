import { isRepetition } from '../../core/primitives/repetition.ts';

/** The form of a bearer token (RFC 6750). A request cannot carry any other. */
const BEARER = /^[A-Za-z0-9\-._~+/]+=*$/;

const LEAST_LENGTH = 32;
const MOST_LENGTH = 1_024;

/** A text with fewer different characters is not random. */
const LEAST_DIFFERENT = 6;

/** A text that repeats a shorter one so often is as easy to guess as that one. */
const LEAST_REPETITIONS = 4;

/** Returns true for a text that can be sent as a bearer token and whose form does not make it easy to guess. */
export function isStrongToken(text: string): boolean {
  const { length } = text;
  if (length < LEAST_LENGTH || length > MOST_LENGTH || !BEARER.test(text)) return false;
  return new Set(text).size >= LEAST_DIFFERENT && !isRepetition(text, LEAST_REPETITIONS);
}
