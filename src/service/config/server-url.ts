const PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?[^#]*)?$/;
const HOST = /^(?:[A-Za-z0-9._%-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Returns true for a text `scheme://[user:password@]host[:port][,host[:port]…][/path][?options]` with a known scheme. The
 * platform's `URL` cannot check it, because it refuses lists of hosts.
 * @param forms The form of the path for each scheme, slash included.
 */
export function isServerUrl(text: string, forms: Readonly<Record<string, RegExp>>): boolean {
  const [, scheme = '', credentials = '', hosts = '', path = ''] = PARTS.exec(text) ?? [];
  const form = Object.hasOwn(forms, scheme) ? forms[scheme] : undefined;
  if (form?.test(path) !== true || !isEncoded(credentials) || !hosts.split(',').every(isHost)) return false;
  return isEncoded(hosts) && isEncoded(path) && canBeParsed(text, hosts);
}

/**
 * Returns true when a server's URL names one host and has no query. Some clients take options from a query, a password among
 * them.
 */
export function isOneServer(text: string): boolean {
  const [, , , hosts = ''] = PARTS.exec(text) ?? [];
  return !hosts.includes(',') && !text.includes('?');
}

/**
 * Returns true when the platform's `URL` accepts the first host of a list, as clients need. A client's own failure would end
 * the start with the whole URL in the error.
 */
function canBeParsed(text: string, hosts: string): boolean {
  return URL.canParse(text.replace(hosts, () => hosts.split(',', 1)[0] ?? ''));
}

/** Returns a server's URL as logs may show it: without user, password and options. Options can hold a password too. */
export function withoutCredentials(url: string): string {
  const [, scheme = '', , hosts = '', path = ''] = PARTS.exec(url) ?? [];
  return `${scheme}://${hosts}${path}`;
}

function isHost(text: string): boolean {
  const match = HOST.exec(text);
  return match !== null && Number(match[1] ?? 1) >= 1 && Number(match[1] ?? 1) <= 65_535;
}

/** Returns true when all of a text can be decoded. Clients decode it, and fail at bytes that are not UTF-8. */
function isEncoded(text: string): boolean {
  if (/%(?![0-9A-Fa-f]{2})|\s/.test(text)) return false;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
