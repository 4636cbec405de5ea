/** The form of a bearer token (RFC 6750). A request cannot carry any other. */
const BEARER = /^[A-Za-z0-9\-._~+/]+=*$/;

const LEAST_LENGTH = 32;
const MOST_LENGTH = 1_024;

/** Fewer different characters are no random text. */
const LEAST_DIFFERENT = 6;

/** Tells if a text can be sent as a bearer token, and is hard to guess as far as its form shows. */
export function isStrongToken(text: string): boolean {
  const { length } = text;
  if (length < LEAST_LENGTH || length > MOST_LENGTH || !BEARER.test(text)) return false;
  return new Set(text).size >= LEAST_DIFFERENT && !isRepetition(text);
}

/** Tells if a text repeats a short one: `abcdefgh` four times is no better than once. */
function isRepetition(text: string): boolean {
  for (let length = 1; length <= text.length / 4; length += 1) {
    if (text.slice(length) === text.slice(0, -length)) return true;
  }
  return false;
}
