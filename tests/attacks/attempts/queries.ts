import type { Attempt, AttemptKind } from '../attempt.ts';

const QUERIES: Readonly<Record<string, string>> = {
  'no rows': 'limit=0',
  'more rows than allowed': 'limit=1001',
  'a negative limit': 'limit=-1',
  'a limit with an exponent': 'limit=1e3',
  'a limit given twice': 'limit=1&limit=1000',
  'a limit as a list': 'limit[]=1',
  'an empty limit': 'limit=',
  'a limit with SQL': 'limit=1;drop%20table%20products',
  'a negative beginning': 'after=-1',
  'a beginning beyond 2^53': 'after=9007199254740993',
  'a beginning with a fraction': 'after=1.5',
  'another org': 'orgId=2',
  'a prototype': '__proto__[orgId]=2',
  'a sort order': 'orderBy=price;--',
  'a callback': 'callback=alert(1)',
  'a parameter whose name has 10 kB': `${'x'.repeat(10_000)}=1`,
  'a name with a script': '%3Cscript%3Ealert(1)%3C/script%3E=1',
};

const asked = ([name, query]: [string, string]): Attempt => ({
  name,
  path: `/api/v1/orgs/1/products?${query}`,
  refused: [400, 413, 414, 431],
});

/** Query strings that ask for more than there is to ask. */
export const queries: AttemptKind = {
  kind: 'query strings',
  attempts: [
    ...Object.entries(QUERIES).map(asked),
    {
      name: 'a dry run in the query of a flush',
      as: 'admin',
      method: 'DELETE',
      path: '/api/v1/cache?dryRun=true',
      refused: [400],
    },
  ],
};
