import { redis } from '../../adapters/redis/index.ts';
import { LONGEST_DURATION_MS, UNITS_MS } from '../../core/model/duration.ts';
import { isOneServer, isServerUrl } from './server-url.ts';

/** The result of reading a text: the value, or a description of the wanted value ("must be …"). */
export type Reading<T> = { readonly value: T } | { readonly expected: string };

/** Turns the text of a variable into its value. The text is never empty. */
export type Reader<T> = (text: string) => Reading<T>;

/** Reads a whole number within bounds, both included, in plain digits. */
export function integer(least: number, most: number): Reader<number> {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return { value };
    return { expected: `a whole number from ${least} to ${most}` };
  };
}

/** Reads one word of a list. */
export function oneOf<const W extends string>(...words: readonly W[]): Reader<W> {
  return (text) => {
    const value = words.find((word) => word === text);
    return value === undefined ? { expected: `one of ${words.join(', ')}` } : { value };
  };
}

/** Reads `true` or `false`. */
export const flag: Reader<boolean> = (text) => {
  const read = oneOf('true', 'false')(text);
  return 'value' in read ? { value: read.value === 'true' } : read;
};

/** Reads `250ms`, `30s`, `5m`, `1h`, `1d` or a bare number of milliseconds. The value is milliseconds. */
export const duration: Reader<number> = (text) => {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(text);
  if (match === null) return { expected: 'milliseconds, or a duration like 250ms, 30s, 5m, 1h or 1d' };
  const value = Number(match[1]) * UNITS_MS[(match[2] ?? 'ms') as keyof typeof UNITS_MS];
  return value <= LONGEST_DURATION_MS ? { value } : { expected: 'a duration of at most 1,000 years' };
};

/** Reads a text that matches a pattern as a whole. */
export function matching(pattern: RegExp, expected: string): Reader<string> {
  return (text) => (pattern.test(text) ? { value: text } : { expected });
}

/** Reads the URL of one server or of several. Each scheme has its own allowed form. */
export function serverUrl(forms: Readonly<Record<string, RegExp>>, expected: string): Reader<string> {
  return (text) => (isServerUrl(text, forms) ? { value: text } : { expected });
}

const ONE_REDIS = serverUrl(
  { redis: /^(?:\/\d{0,5})?$/, rediss: /^(?:\/\d{0,5})?$/ },
  'redis://[user:password@]host[:port][/database] or rediss://…, without a query, special characters percent-encoded',
);

/** Reads the URL of one Redis, by the rules of `redis()`: a URL that `redis()` would refuse is a configuration error. */
export const redisUrl: Reader<string> = (text) => {
  if (/^rediss?\+(?:sentinel|cluster):/i.test(text)) {
    return { expected: 'the URL of one server, redis:// or rediss://: Sentinel and Cluster are not supported yet' };
  }
  return isOneServer(text) ? ONE_REDIS(text) : ONE_REDIS('');
};

/** Reads the keys that sign the data in Redis, by the rules of `redis(url, { integrityKey })`. */
export const integrityKeys: Reader<string> = (text) => {
  try {
    // `redis()` opens no connection before a cache starts with it.
    redis('redis://127.0.0.1', { integrityKey: text });
    return { value: text };
  } catch {
    return {
      expected:
        '<id>:<key>, or several with commas between them, the first of which signs: the id of 1 to 16 letters, digits, _ or -, the key in base64 of at least 16 random bytes (echo "k1:$(openssl rand -base64 32)")',
    };
  }
};

/** Reads the hosts that requests may name, separated by commas: names, addresses, `*.suffix`, or `*` for all. */
export const hostList: Reader<readonly string[]> = (text) => {
  const names = text.split(',').map((name) => name.trim());
  const isHost = (name: string) => /^(?:\*|(?:\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(name);
  if (names.every(isHost)) return { value: names };
  return {
    expected: 'host names without a port, separated by commas: shop.example, *.shop.example, [::1], or * for any',
  };
};

/** Reads an `http:` or `https:` URL. */
export const httpUrl: Reader<string> = (text) => {
  const isHttp = URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
  return isHttp ? { value: text } : { expected: 'an http:// or https:// URL' };
};
