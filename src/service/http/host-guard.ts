import { isLoopback } from '../config/loopback.ts';
import { Problem } from './problem.ts';

/** The hosts under which the service answers: names and `*.suffix` without a port, every loopback name, or any name. */
export type AllowedHosts = readonly string[] | 'loopback' | 'any';

/** Throws a {@link Problem} for a request whose `Host` is malformed (400) or not allowed (421). */
export type CheckHost = (request: Request) => void;

/** Matches a name or an address with or without a port. Any other character would shift the path by which Elysia finds routes. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;

/**
 * Returns a check of the `Host` of each request. It remembers the last host that passed, because most clients send the same.
 *
 * A target in absolute form (`GET http://name/path`) names a host too. It is checked like the header where the runtime
 * reports it: Bun 1.4 puts the header's name in its place.
 * @param onRefused Receives the name of a host that is not allowed.
 */
export function hostGuard(allowed: AllowedHosts, onRefused: (host: string) => void = () => {}): CheckHost {
  const isAllowed = matcherOf(allowed);
  const judge = (given: string): void => {
    const name = HOST.exec(given.toLowerCase())?.[1]?.replace(/\.$/, '');
    // The runtime joins two Host headers into one with a comma.
    if (name === undefined) throw new Problem(400, 'The Host header must be one host, with or without a port');
    if (isAllowed(name)) return;
    onRefused(name);
    throw new Problem(421, 'This service does not answer for the host of this request');
  };
  let passed: { readonly given: string; readonly start: string } | undefined;
  return (request) => {
    const given = request.headers.get('host');
    const { url } = request;
    if (given !== null && given === passed?.given && url.startsWith(passed.start)) return;
    // A request with a full URL and no header was made in this process. One from the network without the header has the path
    // alone as its URL.
    if (given === null && allowed === 'any' && !url.startsWith('/')) return;
    judge(given ?? '');
    if (url.startsWith('/')) return;
    // A port beyond 65,535 makes the URL invalid.
    judge(URL.parse(url)?.host ?? '');
    passed = { given: given ?? '', start: url.slice(0, url.indexOf('/', url.indexOf('://') + 3) + 1) };
  };
}

function matcherOf(allowed: AllowedHosts): (name: string) => boolean {
  if (allowed === 'any' || allowed.includes('*')) return () => true;
  if (allowed === 'loopback') return isLoopback;
  const lower = allowed.map((name) => name.toLowerCase());
  const names = new Set(lower.filter((name) => !name.startsWith('*.')));
  const suffixes = lower.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  return (name) => names.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
}
