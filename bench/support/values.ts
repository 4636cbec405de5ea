/** A value that is read, with its name. */
export interface Value {
  readonly name: string;
  readonly value: unknown;
}

/** 97 bytes of JSON, as in the other measurements. */
export const small = {
  id: 10_017,
  name: 'A product of ninety-seven bytes, as in the other measurements',
  price: 12.55,
};

/** 9.9 kB of JSON: a bill of materials with 112 items. */
const medium = withItems(112);

/** 1 MB of JSON. */
const big = withItems(10_870);

export const SMALL: Value = { name: '97 B', value: small };
export const MEDIUM: Value = { name: '9.9 kB', value: medium };
export const BIG: Value = { name: '1 MB', value: big };

/** @param series Makes the texts of one series differ from those of another. */
export function withItems(count: number, series = 0) {
  const items = Array.from({ length: count }, (_, index) => ({
    productId: 1_000 + index,
    sku: `SKU-${100_000 + series * 1_000 + index * 79}`,
    quantity: index / 2,
    unit: 'pcs',
    name: `Part ${index} of ${series}`,
  }));
  return { id: 17, name: 'A bill of materials', items };
}
