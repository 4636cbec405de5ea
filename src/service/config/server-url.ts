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
  return form?.test(path) === true && isEncoded(credentials) && hosts.split(',').every(isHost);
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

function isEncoded(credentials: string): boolean {
  return !/%(?![0-9A-Fa-f]{2})|\s/.test(credentials);
}
