import { describe, expect, test } from 'bun:test';
import { OptionResolver } from '../../../../src/core/model/option-resolver.ts';
import { RESOLVED_DEFAULTS, type ReadOptions } from '../../../../src/core/model/options.ts';
import { InvalidOptionError } from '../../../../src/index.ts';

type Changeable = { -readonly [Name in keyof ReadOptions]: ReadOptions[Name] };

const CHANGES: readonly Changeable[] = [
  { ttl: '2h' },
  { l1Ttl: 5 },
  { negativeTtl: 5 },
  { staleWhileRevalidate: 5 },
  { staleIfError: 5 },
  { refreshAhead: 0.5 },
  { jitter: 0.5 },
  { softTimeout: 5 },
  { hardTimeout: 5 },
  { leaseWait: 5 },
  { l2Timeout: 5 },
  { lease: 5 },
  { tenant: 'other' },
  { forceFresh: true },
  { signal: new AbortController().signal },
  { tags: ['b'] },
];

describe('options that are handed in as the same object', () => {
  const resolver = () => new OptionResolver(RESOLVED_DEFAULTS);

  test('are resolved once from the second time on, and none are the defaults', () => {
    const resolve = resolver();
    const options = { ttl: '1m', tags: ['a'] } as const;
    resolve.resolve(options);
    expect(resolve.resolve(options)).toBe(resolve.resolve(options));
    expect(resolve.resolve(undefined)).toBe(RESOLVED_DEFAULTS);
  });

  test.each(CHANGES)('are resolved anew when they have changed: %p', (change) => {
    const resolve = resolver();
    const options: Changeable = { ttl: '1m', tags: ['a'] };
    for (let time = 0; time < 3; time += 1) resolve.resolve(options);
    Object.assign(options, change);
    const fresh = resolver().resolve({ ...options });
    for (let time = 0; time < 3; time += 1) expect(resolve.resolve(options)).toEqual(fresh);
  });

  test('are resolved anew when a list or an object in them has', () => {
    const resolve = resolver();
    const tags = ['a'];
    const refreshAhead = { beta: 1 };
    const options = { tags, refreshAhead };
    for (let time = 0; time < 3; time += 1) resolve.resolve(options);
    tags[0] = 'b';
    refreshAhead.beta = 2;
    expect(resolve.resolve(options)).toMatchObject({ tags: ['b'], xfetchBeta: 2 });
  });

  test('are refused when a name that is none has been added', () => {
    const resolve = resolver();
    const options: Changeable = { ttl: '1m' };
    for (let time = 0; time < 3; time += 1) resolve.resolve(options);
    Object.assign(options, { tll: '1m' });
    expect(() => resolve.resolve(options)).toThrow(/tll/);
  });

  test('are refused every time where they cannot be used', () => {
    const resolve = resolver();
    const options = { ttl: -1 };
    for (let time = 0; time < 3; time += 1) expect(() => resolve.resolve(options)).toThrow(InvalidOptionError);
  });
});
