import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:http';
import { type CacheEvent, type CacheOptions, createCache, type TieredCache, type Tracer } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';

/**
 * Every public call, made by several callers in one turn, each inside its own asynchronous context. All user code that a
 * call causes must see the context of that call. Arguments: URL of Redis, namespace. Prints how often it saw another one.
 */
const [redisUrl, namespace = ''] = process.argv.slice(2);

const caller = new AsyncLocalStorage<string>();
const NO_CALLER = 'none';
/** The question is which context code runs in, not how fast Redis answers. */
const PATIENT = { l2Timeout: '5s' } as const;
const CALLERS = ['ada', 'bob', 'cyd', 'dan'];

const wrong = new Map<string, number>();
const seen = new Map<string, number>();

/** Takes note that user code of `owner` has run now. */
function expectCaller(owner: string | undefined, where: string): void {
  seen.set(where, (seen.get(where) ?? 0) + 1);
  if ((caller.getStore() ?? NO_CALLER) !== owner) wrong.set(where, (wrong.get(where) ?? 0) + 1);
}

/** Keys and values begin with the name of the caller that they belong to. */
const ownerOf = (name: unknown): string | undefined => /(ada|bob|cyd|dan)\|/.exec(JSON.stringify(name) ?? '')?.[1];

/** Events of no call: they are heard in the context in which the library was loaded. */
const NEWS = new Set(['breaker_transition', 'l2_down', 'l2_up', 'l1_suspended', 'l1_resumed', 'bus_gap', 'bus_resync']);

function observe(event: CacheEvent): void {
  if (NEWS.has(event.type)) expectCaller(NO_CALLER, `event ${event.type}`);
  else if (event.type === 'invalidated') {
    const isHere = event.origin === 'here';
    const owner = isHere ? ownerOf([event.targets.ids, event.targets.tags, event.targets.pattern]) : NO_CALLER;
    if (owner !== undefined) expectCaller(owner, `event invalidated ${event.origin}`);
  } else if ('key' in event && event.key !== undefined) expectCaller(ownerOf(event.key), `event ${event.type}`);
}

const tracer: Tracer = {
  mayRecord: () => true,
  trace(name, _attributes, step) {
    if (caller.getStore() !== undefined) seen.set(`span ${name}`, (seen.get(`span ${name}`) ?? 0) + 1);
    return step({ ref: caller.getStore(), set() {}, link() {}, fail() {} });
  },
  tag() {},
  current: () => caller.getStore(),
};

const makeValue = (key: string): { readonly owner: string } => {
  expectCaller(ownerOf(key), 'loader');
  return { owner: `${caller.getStore() ?? NO_CALLER}|` };
};
const load = async ({ key }: { readonly key: string }) => {
  makeValue(key);
  await new Promise((resolve) => setTimeout(resolve, 1));
  return makeValue(key);
};
const loadMany = async ({ keys }: { readonly keys: readonly string[] }) => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return keys.map((key) => [key, makeValue(key)] as const);
};
const fail = ({ key }: { readonly key: string }): never => {
  makeValue(key);
  throw new Error('the source fails');
};
const tags = (value: { readonly owner: string } | null): string[] => {
  if (value !== null) expectCaller(ownerOf(value.owner), 'tags');
  return ['books'];
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Call = (cache: TieredCache, key: string) => Promise<unknown>;

/** What each caller does with a key of its own. */
const CALLS: Readonly<Record<string, Call>> = {
  getOrSet: (cache, key) => cache.getOrSet(key, load),
  'getOrSet, tags': (cache, key) => cache.getOrSet(key, load, { tags }),
  'getOrSet, named tags': (cache, key) => cache.getOrSet(key, load, { tags: ['books', 'shelf'] }),
  'getOrSet, signal': (cache, key) => cache.getOrSet(key, load, { signal: new AbortController().signal }),
  'getOrSet, softTimeout': (cache, key) => cache.getOrSet(key, load, { softTimeout: 100 }),
  'getOrSet, hardTimeout': (cache, key) => cache.getOrSet(key, load, { hardTimeout: 5_000 }),
  'getOrSet, forceFresh': (cache, key) => cache.getOrSet(key, load, { forceFresh: true }),
  'getOrSet, not stored': (cache, key) => cache.getOrSet(key, load, { ttl: 0 }),
  'getOrSet, the loader fails': (cache, key) => cache.getOrSet(key, fail).catch(() => undefined),
  'getOrSet, joined': (cache, key) => Promise.all([cache.getOrSet(key, load), cache.getOrSet(key, load)]),
  'getOrSet, refreshed': async (cache, key) => {
    const options = { ttl: 1, l1Ttl: 1, staleWhileRevalidate: '1h', tags } as const;
    await cache.getOrSet(key, load, options);
    await pause(5);
    await cache.getOrSet(key, load, options);
    await pause(20);
  },
  'getOrSet, refreshed ahead': async (cache, key) => {
    const options = { ttl: 5_000, jitter: 0, refreshAhead: 0.001, tags } as const;
    await cache.getOrSet(key, load, options);
    await pause(10);
    await cache.getOrSet(key, load, options);
    await pause(20);
  },
  'getOrSet, stale if the source fails': async (cache, key) => {
    await cache.getOrSet(key, load, { ttl: 1, l1Ttl: 1, staleIfError: '1h' });
    await pause(5);
    await cache.getOrSet(key, fail, { ttl: 1, l1Ttl: 1, staleIfError: '1h' });
  },
  lookup: (cache, key) => cache.lookup(key, load, { tags }),
  getOrSetMany: (cache, key) => cache.getOrSetMany([`${key} 1`, `${key} 2`], loadMany, { tags }),
  lookupMany: (cache, key) => cache.lookupMany([`${key} 1`, `${key} 2`], loadMany, { tags }),
  get: (cache, key) => cache.get(key),
  getMany: (cache, key) => cache.getMany([key, `${key} 2`]),
  has: (cache, key) => cache.has(key),
  set: (cache, key) => cache.set(key, { owner: key }, { tags }),
  setMany: (cache, key) => cache.setMany([[key, { owner: key }] as const, [`${key} 2`, { owner: key }]], { tags }),
  delete: (cache, key) => cache.delete(key),
  deleteMany: (cache, key) => cache.deleteMany([key, `${key} 2`]),
  expire: (cache, key) => cache.expire(key),
  'invalidate, keys': (cache, key) => cache.invalidate({ keys: [key] }),
  'invalidate, tags': (cache, key) => cache.invalidate({ tags: [key] }),
  'invalidate, pattern': (cache, key) => cache.invalidate({ pattern: `${key}*` }),
  'in a namespace': (cache, key) => cache.namespace('room').getOrSet(key, load, { tags }),
  'a cleared namespace': (cache, key) => cache.namespace(key).clear(),
  warm: (cache, key) => cache.warm([1, 2].map((item) => ({ key: `${key} ${item}`, loader: load, options: { tags } }))),
  inspect: (cache, key) => cache.inspect(key),
  count: (cache, key) => cache.count(`${key}*`),
  'too long for L2': (cache, key) =>
    cache.getOrSet(key, (context) => ({ ...makeValue(context.key), text: 'x'.repeat(50_000) })),
};

const sizeOf = (entry: { readonly value: unknown }): number => {
  const owner = ownerOf(entry.value);
  if (owner !== undefined) expectCaller(owner, 'sizeOf');
  return 100;
};

/** Caches that differ in what the core takes a shorter way for. Each is made inside a context, which it must not keep. */
const CACHES: Readonly<Record<string, () => CacheOptions>> = {
  'with Redis': () => ({ l1: lru(), ...redis(redisUrl, { namespace: `${namespace}-1` }) }),
  'with hooks': () => ({
    l1: lru({ sizeOf }),
    ...redis(redisUrl, { namespace: `${namespace}-2` }),
    observers: [observe],
    onError: ({ key, background }) => {
      if (key !== undefined) expectCaller(ownerOf(key), 'onError');
      else if (background) expectCaller(NO_CALLER, 'onError');
    },
    maxValueBytes: 40_000,
    maxLoads: 64,
    source: { isFailure: () => false },
  }),
  'with a tracer': () => ({ l1: lru(), ...redis(redisUrl, { namespace: `${namespace}-3` }), tracer }),
  'without Redis': () => ({ l1: lru(), observers: [observe] }),
};

for (const [title, optionsOf] of Object.entries(CACHES)) {
  const cache = caller.run('the maker of the cache', () =>
    createCache({ name: `matrix-${title.length}`, defaults: PATIENT, ...optionsOf() }),
  );
  await cache.ready(5_000);
  for (const [name, call] of Object.entries(CALLS)) {
    // All of them in one turn: this is where a shared answer could reach user code in the context of the first.
    await Promise.all(CALLERS.map((one) => caller.run(one, () => call(cache, `${one}|${name}`))));
    await Promise.all(CALLERS.map((one) => caller.run(one, () => call(cache, `${one}|${name}`))));
  }
  if (cache.health().l2 !== undefined) {
    // News of a tier that a call happens to bring about.
    for (const state of ['open', 'auto'] as const) caller.run('ada', () => cache.forceBreaker('l2', state));
  }
  await cache.close();
}

/** Clients of a server, each a tenant of its own; the loader reads the tenant from the context, as handlers do. */
async function overHttp(): Promise<{ readonly wrong: number; readonly answers: number }> {
  const cache = createCache({
    name: 'matrix-http',
    defaults: PATIENT,
    l1: lru(),
    ...redis(redisUrl, { namespace: `${namespace}-4` }),
  });
  await cache.ready(5_000);
  const server = createServer((request, response) => {
    const tenant = String(request.headers['x-tenant']);
    caller.run(tenant, async () => {
      const page = await cache.getOrSet(`${tenant}${request.url}`, async () => {
        await pause(1);
        return caller.getStore() ?? NO_CALLER;
      });
      response.end(page);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  let [others, answers] = [0, 0];
  for (let page = 0; page < 20; page += 1) {
    await Promise.all(
      Array.from({ length: 64 }, async (_, client) => {
        const headers = { 'x-tenant': `tenant-${client}` };
        const answer = await fetch(`http://127.0.0.1:${port}/page/${page}`, { headers });
        answers += 1;
        if ((await answer.text()) !== `tenant-${client}`) others += 1;
      }),
    );
  }
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await cache.close();
  return { wrong: others, answers };
}

const http = await overHttp();
const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((total, count) => total + count, 0);
const silent = ['loader', 'tags', 'sizeOf', 'onError', 'event lookup', 'event breaker_transition'].filter(
  (where) => !seen.has(where),
);
if (silent.length > 0) throw new Error(`never called: ${silent.join(', ')}`);
for (const [where, count] of wrong) console.log(`${where}: ${count} of ${seen.get(where)} in another context`);
console.log(`contexts: ${sum(wrong)} wrong of ${sum(seen)}; over HTTP ${http.wrong} wrong of ${http.answers}`);
