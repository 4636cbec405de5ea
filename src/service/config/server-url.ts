const PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?[^#]*)?$/;
const HOST = /^(?:[A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Whether a text is `scheme://[user:password@]host[:port][,host[:port]…][/path][?options]` with a known scheme.
 * The platform's `URL` is no help here: it refuses lists of hosts.
 * @param forms For each scheme, the form of the path, slash included.
 */
export function isServerUrl(text: string, forms: Readonly<Record<string, RegExp>>): boolean {
  const [, scheme = '', credentials = '', hosts = '', path = ''] = PARTS.exec(text) ?? [];
  const form = Object.hasOwn(forms, scheme) ? forms[scheme] : undefined;
  if (form?.test(path) !== true || !isEncoded(credentials) || !hosts.split(',').every(isHost)) return false;
  return isEncoded(hosts) && isEncoded(path) && canBeParsed(text, hosts);
}

/** Tells if a server's URL names one host and has no query. Some clients take options from a query, a password among them. */
export function isOneServer(text: string): boolean {
  const [, , , hosts = ''] = PARTS.exec(text) ?? [];
  return !hosts.includes(',') && !text.includes('?');
}

/** Clients give a list's first host to the platform's `URL`. What that refuses would end the start with the URL in the error. */
function canBeParsed(text: string, hosts: string): boolean {
  return URL.canParse(text.replace(hosts, () => hosts.split(',', 1)[0] ?? ''));
}

/** A server's URL as logs may show it: without user, password and options, which can hold a password too. */
export function withoutCredentials(url: string): string {
  const [, scheme = '', , hosts = '', path = ''] = PARTS.exec(url) ?? [];
  return `${scheme}://${hosts}${path}`;
}

function isHost(text: string): boolean {
  const match = HOST.exec(text);
  return match !== null && Number(match[1] ?? 1) >= 1 && Number(match[1] ?? 1) <= 65_535;
}

/** Tells if all of a text can be decoded. Clients decode it, and fail at bytes that are no UTF-8. */
function isEncoded(text: string): boolean {
  if (/%(?![0-9A-Fa-f]{2})|\s/.test(text)) return false;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
