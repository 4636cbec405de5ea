/** `scheme://user:password@`, with whatever is taken for a password there. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'`]*@/gi;

/** The query and the fragment of a URL with a scheme. */
const OPTIONS = /\b([a-z][a-z0-9+.-]*:\/\/[^\s"'`?#]*)[?#][^\s"'`]*/gi;

/** `password=…`, in a query or in a text. */
const NAMED = /\b((?:password|passwd|pwd|pass|token|secret)=)[^\s"'`&]+/gi;

/**
 * A text as it may be printed: without what URLs carry before their host and behind their path, and without what is called
 * a password. For the messages of others, which repeat what they were given.
 */
export function withoutSecrets(text: string): string {
  return text.replace(CREDENTIALS, '$1…@').replace(OPTIONS, '$1?…').replace(NAMED, '$1…');
}
