/** A product as the API shows it. */
export interface Product {
  readonly id: number;
  readonly orgId: number;
  readonly sku: string;
  readonly name: string;
  /** At most two decimals. */
  readonly price: number;
  readonly unit: string;
  /** Greater after each change of the row. */
  readonly version: number;
}

/** One line of a BOM. */
export interface BomItem {
  readonly productId: number;
  /** More than 0; at most three decimals are kept. */
  readonly quantity: number;
  readonly unit: string;
}

/** A bill of materials with its items in order. */
export interface Bom {
  readonly id: number;
  readonly orgId: number;
  readonly productId: number;
  readonly name: string;
  /** Greater after each change of the BOM or its items. */
  readonly version: number;
  readonly items: readonly BomItem[];
}

/** The states of a license plate's stock. */
export const LICENSE_PLATE_STATUSES = ['available', 'reserved', 'consumed', 'shipped', 'blocked'] as const;

export type LicensePlateStatus = (typeof LICENSE_PLATE_STATUSES)[number];

/** Some stock of one product in one place. */
export interface LicensePlate {
  readonly id: number;
  readonly orgId: number;
  readonly productId: number;
  /** 0 or more; at most three decimals are kept. */
  readonly quantity: number;
  readonly status: LicensePlateStatus;
  readonly location: string;
  /** Greater after each change of the row. */
  readonly version: number;
}

/** The dashboard of an org: counts and sums. */
export interface Dashboard {
  readonly orgId: number;
  readonly products: number;
  readonly boms: number;
  /** The number of license plates of each status, 0 included. */
  readonly licensePlates: Readonly<Record<LicensePlateStatus, number>>;
  /** The sum over license plates that are neither consumed nor shipped, in all units together. */
  readonly quantityOnHand: number;
  /** The value of the same stock at the products' prices; two decimals. */
  readonly inventoryValue: number;
  /** Greater after each committed change of the org's products, BOMs and license plates. */
  readonly version: number;
  readonly freshness: {
    /**
     * `view`: the materialized view. `tables`: the base tables, where the view has not seen every change. Both are
     * equally true.
     */
    readonly from: 'view' | 'tables';
    /** The moment when the numbers were made, ISO 8601. */
    readonly refreshedAt: string;
    /** Seconds between that moment and the load. */
    readonly ageSeconds: number;
  };
}

/** The permissions of a user. */
export interface UserPermissions {
  readonly id: number;
  readonly orgId: number;
  readonly name: string;
  /** In alphabetical order. */
  readonly permissions: readonly string[];
}
