import { expect, test } from 'bun:test';
import { products } from '../../../src/catalog/resources/products.ts';

const SIZES = [10, 25, 50, 100, 250, 500, 1_000];

/** As many rows as the table has, as far as the page that is cached holds them. */
function cachedPage(limit: number, rows: number) {
  const size = SIZES.find((each) => each >= limit) ?? limit;
  return Array.from({ length: Math.min(rows, size + 1) }, (_, index) => {
    return { id: index + 1, orgId: 1, sku: `S${index}`, name: 'N', price: 1, unit: 'each', version: 1 };
  });
}

test.each(SIZES.flatMap((size) => [size - 3, size]))(
  'a page of %i names the next one exactly if that has a row',
  (limit) => {
    for (const rows of [0, 1, limit - 1, limit, limit + 1, 2 * limit]) {
      const params = { orgId: 1, limit, after: 0 };
      const page = cachedPage(limit, rows);
      expect(products.answers(params, page)).toBe(true);
      expect(products.cut?.(params, page)).toHaveLength(Math.min(rows, limit));
      const next = rows > limit ? { limit, after: limit } : undefined;
      expect([rows, products.nextPage?.(params, page)]).toEqual([rows, next]);
    }
  },
);
