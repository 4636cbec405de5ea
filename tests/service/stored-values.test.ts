import { describe, expect, test } from 'bun:test';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { catalogResources } from '../../src/catalog/resources/index.ts';
import { CodecError } from '../../src/core/model/errors.ts';
import { shapeOf } from '../../src/resources/stored-shape.ts';
import { resourceGroups } from '../../src/service/key-groups.ts';
import { storedValueCheck } from '../../src/service/stored-values.ts';

const groupOf = resourceGroups(catalogResources);
const check = storedValueCheck(catalogResources, groupOf);
const PRODUCT = { id: 1, orgId: 1, sku: 'A', name: 'Press', price: 1.5, unit: 'each', version: 3 };
const BOM = {
  id: 1,
  orgId: 1,
  productId: 1,
  name: 'B',
  version: 1,
  items: [{ productId: 2, quantity: 1, unit: 'kg' }],
};

const LICENSE_PLATE = { id: 1, orgId: 1, productId: 1, quantity: 1, status: 'available', location: 'A', version: 1 };
const USER = { id: 1, orgId: 1, name: 'x', permissions: [] };

function page(length: number) {
  return Array.from({ length }, (_, index) => ({ ...PRODUCT, id: index + 1 }));
}

describe('a value from L2', () => {
  const good: [key: string, value: unknown][] = [
    ['product:1:1', PRODUCT],
    ['product:1:1', { ...PRODUCT, name: '😀'.repeat(5_000), unit: '' }],
    ['products:org:1:l10:a0', []],
    ['products:org:1:l10:a0', [PRODUCT]],
    [
      'products:org:1:l10:a3',
      [
        { ...PRODUCT, id: 4 },
        { ...PRODUCT, id: 9 },
      ],
    ],
    ['products:org:1:l10:a0', page(11)],
    ['products:org:1:l1000:a0', page(1_001)],
    ['bom:1:1', BOM],
    ['lp:1:1', LICENSE_PLATE],
    ['user:session:1:1', USER],
    ['something:else', 'anything'],
  ];
  test.each(good)('of %s is good, whatever its limits in the source are', (key, value) => {
    expect(check(value, key)).toBe(true);
  });

  const bad: [key: string, value: unknown][] = [
    ['products:org:1:l10:a0', {}],
    ['products:org:1:l10:a0', [null]],
    ['product:1:1', []],
    ['product:2:1', PRODUCT],
    ['product:11:1', PRODUCT],
    ['product:1:11', PRODUCT],
    ['product:1:2', PRODUCT],
    ['product:1:01', PRODUCT],
    ['product:1', PRODUCT],
    ['product:1:1:1', PRODUCT],
    ['bom:1:2', BOM],
    ['bom:2:1', BOM],
    ['lp:1:2', LICENSE_PLATE],
    ['lp:2:1', LICENSE_PLATE],
    ['user:session:1:2', USER],
    ['user:session:2:1', USER],
    ['products:org:2:l10:a0', [PRODUCT]],
    ['products:org:1:l10:a0', [PRODUCT, { ...PRODUCT, id: 2, orgId: 2 }]],
    ['products:org:1:l10:a1', [PRODUCT]],
    ['products:org:1:l10:a0', [{ ...PRODUCT, id: 2 }, PRODUCT]],
    ['products:org:1:l10:a0', [PRODUCT, PRODUCT]],
    ['products:org:1:l10:a0', page(12)],
    ['product:1:1', { ...PRODUCT, admin: true }],
    ['product:1:1', { ...PRODUCT, price: '1' }],
    ['product:1:1', { ...PRODUCT, id: 1.5 }],
    ['bom:1:1', { ...BOM, items: {} }],
    ['bom:1:1', { ...BOM, items: [{ productId: 2, quantity: '1', unit: 'kg' }] }],
    ['user:session:1:1', { id: 1, orgId: 1, name: 'x', permissions: [1] }],
    ['dashboard:org:1', { orgId: 1 }],
  ];
  test.each(bad)('of %s that is of another shape, row, org or page is reported', (key, value) => {
    expect(() => check(value, key)).toThrow(CodecError);
  });
});

test('the shape of a schema keeps properties that are named as its limits are', () => {
  const shape = shapeOf(
    Object.assign({}, catalogResources[1]?.schema, {
      properties: { ...catalogResources[1]?.schema.properties, pattern: catalogResources[1]?.schema.properties.name },
      required: ['pattern'],
    }),
  );
  const compiled = TypeCompiler.Compile(shape);
  expect(compiled.Check({ ...PRODUCT, pattern: '' })).toBe(true);
  expect(compiled.Check({ ...PRODUCT, pattern: 1 })).toBe(false);
});

describe('the group of a name', () => {
  test.each([
    ['product:1:1', 'product'],
    ['products:org:3:l100:a0', 'products:org'],
    ['user:session:7', 'user:session'],
    ['users', 'users'],
    ['org:3', 'org'],
    ['boms', 'boms'],
    ['lp:*', 'lp'],
    ['alice@example.com', 'other'],
    ['alice:cart', 'other'],
    ['productive:1', 'other'],
    ['*', 'other'],
  ])('%s is %s', (name, group) => expect(groupOf(name)).toBe(group));
});
