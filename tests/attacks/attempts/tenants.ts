import type { Attempt, AttemptKind } from '../attempt.ts';

/** Paths of org 2's rows. */
const THEIRS: Readonly<Record<string, string>> = {
  product: '/api/v1/orgs/2/products/101',
  products: '/api/v1/orgs/2/products?limit=5',
  'bill of materials': '/api/v1/orgs/2/boms/51',
  'license plate': '/api/v1/orgs/2/license-plates/201',
  dashboard: '/api/v1/orgs/2/dashboard',
  permissions: '/api/v1/orgs/2/users/6/permissions',
};

const ownPath = (path: string) => path.replace('/orgs/2/', '/orgs/1/');
const ofOneRow = Object.entries(THEIRS).filter(([, path]) => /\/\d+(?:\/permissions)?$/.test(path));

const changes: readonly Attempt[] = [
  {
    name: 'a change of another org’s product',
    method: 'PATCH',
    path: THEIRS.product ?? '',
    body: '{"name":"Taken over"}',
    refused: [404],
  },
  {
    name: 'the same under one’s own path',
    method: 'PATCH',
    path: ownPath(THEIRS.product ?? ''),
    body: '{"name":"Taken over"}',
    refused: [404],
  },
  { name: 'the removal of another org’s product', method: 'DELETE', path: THEIRS.product ?? '', refused: [404] },
  { name: 'the removal under one’s own path', method: 'DELETE', path: ownPath(THEIRS.product ?? ''), refused: [404] },
  {
    name: 'a product for another org',
    method: 'POST',
    path: '/api/v1/orgs/2/products',
    body: '{"sku":"X","name":"Taken over","price":1}',
    refused: [404],
  },
  {
    name: 'items for another org’s bill of materials',
    method: 'PUT',
    path: '/api/v1/orgs/1/boms/51/items',
    body: '[{"productId":1,"quantity":1,"unit":"each"}]',
    refused: [404],
  },
  {
    name: 'another org’s product in one’s own bill of materials',
    method: 'PUT',
    path: '/api/v1/orgs/1/boms/1/items',
    body: '[{"productId":101,"quantity":1,"unit":"each"}]',
    refused: [400, 404, 409],
  },
  {
    name: 'a change of another org’s license plate',
    method: 'PATCH',
    path: '/api/v1/orgs/1/license-plates/201',
    body: '{"location":"Taken over"}',
    refused: [404],
  },
];

/** Attempts on another org's rows. Each row must look absent by every path, and must stay unchanged. */
export const tenants: AttemptKind = {
  kind: 'tenants',
  attempts: [
    ...Object.entries(THEIRS).map(([what, path]): Attempt => ({ name: `another org’s ${what}`, path, refused: [404] })),
    ...ofOneRow.map(([what, path]): Attempt => {
      return { name: `another org’s ${what} under one’s own path`, path: ownPath(path), refused: [404] };
    }),
    ...changes.map((attempt): Attempt => ({ as: 'writer', ...attempt })),
  ],
};
