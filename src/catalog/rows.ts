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

/** What can be said of a license plate's stock. */
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

/** What an org has, counted and summed up. */
export interface Dashboard {
  readonly orgId: number;
  readonly products: number;
  readonly boms: number;
  /** How many of each status, 0 included. */
  readonly licensePlates: Readonly<Record<LicensePlateStatus, number>>;
  /** Of license plates that are neither consumed nor shipped; whatever the units. */
  readonly quantityOnHand: number;
  /** The same at the products' prices; two decimals. */
  readonly inventoryValue: number;
  /** Greater after each committed change of the org's products, BOMs and license plates. */
  readonly version: number;
  readonly freshness: {
    /** The materialized view, or the base tables where that has not seen every change. The numbers are as true in either. */
    readonly from: 'view' | 'tables';
    /** When the numbers were made, ISO 8601. */
    readonly refreshedAt: string;
    /** Seconds between that and the load. */
    readonly ageSeconds: number;
  };
}

/** What a user may do. */
export interface UserPermissions {
  readonly id: number;
  readonly orgId: number;
  readonly name: string;
  /** In alphabetical order. */
  readonly permissions: readonly string[];
}
