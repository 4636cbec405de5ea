/** `scheme://user:password@`, with whatever is taken for a password there. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'`]*@/gi;

/** The query and the fragment of a URL with a scheme. */
const OPTIONS = /\b([a-z][a-z0-9+.-]*:\/\/[^\s"'`?#]*)[?#][^\s"'`]*/gi;

/** `password=…`, in a query or in a text. */
const NAMED = /\b((?:password|passwd|pwd|pass|token|secret)=)[^\s"'`&]+/gi;

/**
 * Makes a text fit to print: it removes the credentials and queries of URLs, and values that are named as passwords. Libraries
 * repeat their input in their messages.
 */
export function withoutSecrets(text: string): string {
  return text.replace(CREDENTIALS, '$1…@').replace(OPTIONS, '$1?…').replace(NAMED, '$1…');
}
