import { describe, expect, test } from 'bun:test';
import { mergeByTable } from '../../../src/catalog/outbox.ts';
import { catalogResources } from '../../../src/catalog/resources/index.ts';
import { pathParams } from '../../../src/resources/params.ts';
import type { Resource } from '../../../src/resources/resource.ts';

// What the triggers say, and what the cache knows a resource by, are declared side by side. Here they are compared.

/** Which of a resource's parameters a column holds. */
const PARAMETER: Readonly<Record<string, string>> = {
  'orgs.id': 'orgId',
  'products.id': 'id',
  'products.org_id': 'orgId',
  'boms.id': 'id',
  'boms.org_id': 'orgId',
  'license_plates.id': 'id',
  'license_plates.org_id': 'orgId',
  'users.id': 'id',
  'users.org_id': 'orgId',
  'permissions.user_id': 'id',
  'permissions.org_id': 'orgId',
};

/** Two samples: what is the same for both depends on none of the parameters. */
const SAMPLES = [
  { orgId: 31, id: 71, other: 11 },
  { orgId: 32, id: 72, other: 12 },
] as const;
type Sample = (typeof SAMPLES)[number];

function paramsOf(resource: Resource, { orgId, id, other }: Sample): Record<string, number> {
  const names = [...pathParams(resource.route), ...Object.keys(resource.query)];
  const known: Readonly<Record<string, number>> = { orgId, id };
  return Object.fromEntries(names.map((name) => [name, known[name] ?? other]));
}

/** The name that a changed row gives, if its ids are the sample's. */
function nameFrom(table: string, template: string, params: Readonly<Record<string, number>>): string {
  return template.replaceAll(/\{([^}]*)\}/g, (_, column: string) => {
    const parameter = PARAMETER[`${table}.${column}`];
    if (parameter === undefined) throw new Error(`${table}.${column} is none of the ids that this test knows`);
    return String(params[parameter]);
  });
}

/** The key of 0.1: of what is found by an id of its own, it left the org out. */
function formerKey(resource: Resource, params: Readonly<Record<string, number>>): string {
  const key = resource.key(params);
  return params.id === undefined ? key : key.replace(`:${params.orgId}:${params.id}`, `:${params.id}`);
}

const cases = catalogResources.map((resource) => [resource.name, resource] as const);

describe.each(cases)('the feeds of %s', (_, resource) => {
  test('are declared', () => {
    expect(resource.feeds).not.toEqual([]);
  });

  test.each(SAMPLES)('give the key and the tags that the resource gives for %j', (sample) => {
    const params = paramsOf(resource, sample);
    const tags = resource.tags(params);
    for (const { table, keys = [], tags: fed = [], all } of resource.feeds) {
      const named = keys.map((template) => nameFrom(table, template, params));
      for (const key of named) expect([resource.key(params), formerKey(resource, params)]).toContain(key);
      // Instances of 0.1 may run beside this one: whoever names the one form names the other.
      if (named.length > 0)
        expect(named).toEqual(expect.arrayContaining([resource.key(params), formerKey(resource, params)]));
      for (const template of fed) expect(tags).toContain(nameFrom(table, template, params));
      expect(keys.length + fed.length).toBeGreaterThan(0);
      for (const tag of all) expect(tags).toContain(tag);
    }
  });

  test('cover it by tags that every entry carries, whichever row it is of', () => {
    const [first, second] = SAMPLES.map((sample) => resource.tags(paramsOf(resource, sample)));
    const common = first?.filter((tag) => second?.includes(tag)) ?? [];
    for (const { all } of resource.feeds) {
      expect(all).not.toEqual([]);
      expect(common).toEqual(expect.arrayContaining([...all]));
    }
  });
});

test('merging keeps what each resource says of a table, and lets everything matter if one of them does', () => {
  const feeds = [
    { table: 'a', keys: ['x:{id}'], all: ['xs'], columns: ['version'] },
    { table: 'b', tags: ['y:{id}'], all: ['ys'], columns: ['version'] },
    { table: 'a', keys: ['z:{id}', 'x:{id}'], tags: ['t'], all: ['zs', 'xs'], columns: ['version', 'state'] },
    { table: 'b', keys: ['w:{id}'], all: ['ws'] },
  ];
  expect(mergeByTable(feeds)).toEqual([
    { table: 'a', keys: ['x:{id}', 'z:{id}'], tags: ['t'], all: ['xs', 'zs'], columns: ['version', 'state'] },
    { table: 'b', keys: ['w:{id}'], tags: ['y:{id}'], all: ['ys', 'ws'] },
  ]);
});

test('merging keeps the one join of a table, and refuses a second one', () => {
  const joined = { table: 'a', keys: ['x:{org}'], all: ['xs'], via: 'select org from changed join b using (id)' };
  expect(mergeByTable([joined, { ...joined, keys: ['y:{org}'] }])).toEqual([
    { ...joined, keys: ['x:{org}', 'y:{org}'], tags: [] },
  ]);
  expect(() => mergeByTable([joined, { table: 'a', keys: ['z:{id}'], all: ['zs'] }])).toThrow(
    'The feeds of a must all have the same "via", or none',
  );
});

describe('a mutation', () => {
  const mutations = catalogResources.flatMap((resource) =>
    resource.mutations.map((mutation) => [`${mutation.method} ${resource.name}`, resource, mutation] as const),
  );

  test.each(mutations)('%s names both forms of the keys that it makes untrue', (_, __, { invalidates }) => {
    const { keys = [] } = invalidates({ orgId: 31, id: 71 }, { id: 71, bomIds: [5], licensePlateIds: [6] });
    const rows = keys.filter((key) => /^(?:product|bom|lp):/.test(key));
    const present = rows.filter((key) => key.split(':').length === 3);
    expect(present.length).toBeGreaterThan(0);
    expect(rows.toSorted()).toEqual(present.flatMap((key) => [key, key.replace(':31:', ':')]).toSorted());
  });
});
