/** Matches `scheme://user:password@`. It takes everything before the last `@` for credentials. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'`]*@/gi;

/** Matches the query and the fragment of a URL with a scheme. */
const OPTIONS = /\b([a-z][a-z0-9+.-]*:\/\/[^\s"'`?#]*)[?#][^\s"'`]*/gi;

/** Matches `password=…` and its like, in a query or in a text. */
const NAMED = /\b((?:password|passwd|pwd|pass|token|secret)=)[^\s"'`&]+/gi;

/**
 * Makes a text safe to print. It removes the credentials and queries of URLs, and the values of fields that are named like a
 * password. Libraries repeat their input in their messages, so messages need this.
 */
export function withoutSecrets(text: string): string {
  return text.replace(CREDENTIALS, '$1…@').replace(OPTIONS, '$1?…').replace(NAMED, '$1…');
}
