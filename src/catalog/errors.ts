/** A write named rows that do not exist, or not in this org. Nothing was changed. */
export class UnknownReferenceError extends Error {
  override readonly name = 'UnknownReferenceError';
  readonly code = 'UNKNOWN_REFERENCE';
  /** The kind of row that was named: `product` or `org`. */
  readonly kind: 'product' | 'org';
  readonly ids: readonly number[];
  constructor(kind: 'product' | 'org', ids: readonly number[]) {
    super(`There is no ${kind} ${ids.join(', ')}${kind === 'product' ? ' in this org' : ''}`);
    this.kind = kind;
    this.ids = ids;
  }
}

/** The org already has a product with this SKU. Nothing was changed. */
export class DuplicateSkuError extends Error {
  override readonly name = 'DuplicateSkuError';
  readonly code = 'DUPLICATE_SKU';
  readonly sku: string;
  constructor(sku: string) {
    super(`The org already has a product with the SKU ${JSON.stringify(sku)}`);
    this.sku = sku;
  }
}
