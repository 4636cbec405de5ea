/** The form of a bearer token (RFC 6750). A request cannot carry any other. */
const BEARER = /^[A-Za-z0-9\-._~+/]+=*$/;

const LEAST_LENGTH = 32;
const MOST_LENGTH = 1_024;

/** A text with fewer different characters is not random. */
const LEAST_DIFFERENT = 6;

/** Returns true for a text that can be sent as a bearer token and whose form does not make it easy to guess. */
export function isStrongToken(text: string): boolean {
  const { length } = text;
  if (length < LEAST_LENGTH || length > MOST_LENGTH || !BEARER.test(text)) return false;
  return new Set(text).size >= LEAST_DIFFERENT && !isRepetition(text);
}

/** Returns true for a text that repeats a short one: `abcdefgh` four times is no better than once. */
function isRepetition(text: string): boolean {
  for (let length = 1; length <= text.length / 4; length += 1) {
    if (text.slice(length) === text.slice(0, -length)) return true;
  }
  return false;
}
