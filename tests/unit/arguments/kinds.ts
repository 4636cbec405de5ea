import type { ClientSettings } from '../../../src/adapters/redis/options.ts';

/** One kind of argument: one that is good, and those that must be refused, each with the words of its refusal. */
export interface Kind {
  readonly good: unknown;
  readonly bad: readonly Bad[];
}

type Bad = readonly [given: unknown, message: RegExp];

const OBJECT = /must be an object with any of|must be an object with/;

/** Whatever is no object of options, and a name that no call has. */
const noOptions = (...more: readonly Bad[]): readonly Bad[] => [
  [null, OBJECT],
  [5_000, /got 5000$/],
  ['5m', OBJECT],
  [true, OBJECT],
  [[], OBJECT],
  [() => ({}), OBJECT],
  [{ thisIsNoOption: 1 }, /^Option .*thisIsNoOption is unknown \(known: /],
  ...more,
];

const badKeys = (what: string): readonly Bad[] => [
  [undefined, new RegExp(`^The ${what} undefined is not a string`)],
  [null, /is not a string/],
  [17, /is not a string/],
  [{}, /is not a string/],
  [['k'], /is not a string/],
  [Symbol('k'), /is not a string/],
  [() => 'k', /is not a string/],
  [{ toString: () => 'k' }, /is not a string/],
  ['', /is empty/],
  ['a\u0000', /control character/],
  ['\ud800', /well-formed/],
  ['x'.repeat(1_025), /longer than 1024 bytes/],
];

/** A list that goes on for ever, to each who asks. */
function endless<T>(item: T): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      for (;;) yield item;
    },
  };
}

const optional = (good: unknown, bad: readonly Bad[]): Kind => ({ good, bad });

const DURATION = /^Option \w+ must be milliseconds/;

const ENTRY_OPTIONS: readonly Bad[] = [
  [{ ttl: '5 minutes' }, DURATION],
  [{ tags: 'org:3' }, /^Option tags must be an array of strings/],
  [{ tags: endless('t') }, /^Option tags must be an array of strings/],
  [{ tags: [''] }, /^The tag "" is empty/],
  [{ taggs: ['org:3'] }, /^Option taggs is unknown; did you mean tags\?/],
  [{ tag: 'org:3' }, /^Option tag is unknown; did you mean tags\?/],
  [{ TTL: 5 }, /^Option TTL is unknown; did you mean ttl\?/],
  [{ timeToLive: 5 }, /^Option timeToLive is unknown: write ttl/],
  [{ jitter: 2 }, /^Option jitter must be a ratio/],
];

const INVALIDATE_OPTIONS = noOptions(
  [{ onPending: 'ignore' }, /^Option onPending must be 'reject' or 'resolve'; got "ignore"$/],
  [{ outbox: true }, /^Option outbox must be a ticket/],
  [{ onpending: 'resolve' }, /did you mean onPending\?/],
);

const LOADERS: readonly Bad[] = [undefined, null, 'SELECT 1', {}, Promise.resolve(1)].map((given) => [
  given,
  /^Option loader must be a function/,
]);

const KEY_LISTS: readonly Bad[] = [
  [undefined, /^Option keys must be an array/],
  ['abc', /^Option keys must be an array/],
  [new Set(['a']), /^Option keys must be an array/],
  [endless('k'), /^Option keys must be an array/],
  [['a', 17], /is not a string/],
  [[''], /is empty/],
  [new Array(10_001).fill('k'), /^Option keys must be at most 10000/],
];

/** Every kind of argument that a call of a cache takes. */
export const KINDS = {
  key: { good: 'k', bad: badKeys('key') },
  pattern: { good: 'k*', bad: badKeys('pattern') },
  namespace: { good: 'n', bad: badKeys('namespace') },
  loader: { good: () => 1, bad: LOADERS },
  manyLoader: { good: () => [], bad: LOADERS },
  value: {
    good: 1,
    bad: [
      [undefined, /is undefined/],
      [Number.NaN, /is NaN/],
      [() => 1, /is of type function/],
      [Symbol('v'), /is of type symbol/],
      [new Map(), /is of type Map/],
    ],
  },
  readOptions: optional(
    { ttl: 5 },
    noOptions(
      ...ENTRY_OPTIONS,
      [{ version: 3 }, /^Option version is unknown: it is an option of set/],
      [{ forceFresh: 1 }, /^Option forceFresh must be true or false/],
      [{ signal: {} }, /^Option signal must be an AbortSignal/],
      [{ tenant: 7 }, /^Option tenant must be a string/],
      [{ refreshAhead: { bta: 1 } }, /^Option refreshAhead.bta is unknown; did you mean refreshAhead.beta\?/],
      [{ hardTimeout: 0 }, /^Option hardTimeout must be longer than 0/],
    ),
  ),
  writeOptions: optional(
    { ttl: 5, version: 1 },
    noOptions(
      ...ENTRY_OPTIONS,
      ...['1', Number.NaN, Infinity, -Infinity, -1, 1.5, 2 ** 53, null].map(
        (version): Bad => [{ version }, /^Option version must be a safe integer/],
      ),
      [{ forceFresh: true }, /^Option forceFresh is unknown: it is an option of reads alone/],
      [{ hardTimeout: '1s' }, /^Option hardTimeout is unknown: it is an option of reads alone/],
    ),
  ),
  keys: { good: ['k'], bad: KEY_LISTS },
  entries: {
    good: [['k', 1]],
    bad: [
      [undefined, /^Option entries must be a list of \[key, value\] pairs/],
      ['ab', /^Option entries must be a list/],
      [{ k: 1 }, /^Option entries must be a list/],
      [['k'], /^Option entries must be a list/],
      [endless(['k', 1]), /^Option entries must be at most 10000 in one call/],
      [[[17, 1]], /is not a string/],
      [[['k', undefined]], /is undefined/],
    ],
  },
  request: {
    good: { keys: ['k'] },
    bad: [
      ...noOptions(),
      [undefined, OBJECT],
      [{}, /^Option request must be one that names keys, tags or a pattern/],
      [{ tags: 'org:3' }, /^Option tags must be an array of strings; got "org:3"$/],
      [{ keys: 'k' }, /^Option keys must be an array of strings; got "k"$/],
      [{ keys: new Set(['k']) }, /^Option keys must be an array of strings/],
      [{ keys: endless('k') }, /^Option keys must be an array of strings/],
      [{ tags: endless('t') }, /^Option tags must be an array of strings/],
      [{ keys: [17] }, /^The key 17 is not a string/],
      [{ tag: 'org:3' }, /^Option tag is unknown: write tags: \['…'\]/],
      [{ key: 'k' }, /^Option key is unknown: write keys: \['…'\]/],
      [{ keys: ['k'], tag: 'org:3' }, /^Option tag is unknown/],
      [{ keys: ['k'], mode: 'remove' }, /^Option mode must be 'delete' or 'expire'; got "remove"$/],
      [{ keys: ['k'], onPending: 'resolve' }, /^Option onPending is unknown: it belongs into the second argument/],
      [{ pattern: 17 }, /^The pattern 17 is not a string/],
    ],
  },
  invalidateOptions: optional({ onPending: 'reject' }, INVALIDATE_OPTIONS),
  items: {
    good: [],
    bad: [
      [undefined, /^Option items must be an iterable/],
      ['k', /^Option items must be an iterable/],
      [{ key: 'k' }, /^Option items must be an iterable/],
    ],
  },
  warmOptions: optional(
    { concurrency: 2 },
    noOptions(
      [{ concurrency: 0 }, /^Option concurrency must be a whole number/],
      [{ onProgress: 1 }, /^Option onProgress must be a function/],
      [{ signal: 1 }, /^Option signal must be an AbortSignal/],
    ),
  ),
  milliseconds: optional(1, [
    ['1s', /^Option timeoutMs must be a number of milliseconds/],
    [-1, /^Option timeoutMs/],
    [Number.NaN, /^Option timeoutMs/],
  ]),
  tier: {
    good: 'l2',
    bad: [undefined, 'l1', 'L2', 3].map((given): Bad => [given, /^Option tier must be a tier of this cache/]),
  },
  breakerState: {
    good: 'auto',
    bad: [undefined, 'shut', 1].map((given): Bad => [given, /^Option state must be 'open', 'closed' or 'auto'/]),
  },
  attachment: {
    good: {},
    bad: [
      ...noOptions(),
      [undefined, OBJECT],
      [{ observer: 1 }, /^Option observer must be a function/],
      [{ observers: [] }, /^Option observers is unknown; did you mean observer\?/],
      [{ tracer: {} }, /^Option tracer must be a tracer/],
    ],
  },
} as const satisfies Record<string, Kind>;

/** Options of ioredis that people write for `redis(url, …)`, and what each is told. */
export const IOREDIS_NAMES: Readonly<Partial<Record<keyof ClientSettings | 'prefix' | 'database', RegExp>>> = {
  prefix: /^Option prefix is unknown: write namespace/,
  keyPrefix: /^Option keyPrefix is unknown: write namespace/,
  db: /^Option db is unknown: it belongs into the URL/,
  database: /^Option database is unknown: it belongs into the URL/,
  host: /^Option host is unknown: it belongs into the URL/,
  port: /^Option port is unknown: it belongs into the URL/,
  username: /^Option username is unknown: it belongs into the URL/,
  password: /^Option password is unknown: it belongs into the URL/,
  tls: /^Option tls is unknown: it belongs into the URL/,
};
