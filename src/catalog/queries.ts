/**
 * Exports every statement behind the data routes. All are parameterised, and rows come in the API's own camelCase.
 * Functions that take a signal cancel their statement on the server when it aborts.
 */
export { orgExists, userPermissions } from './queries/access.ts';
export { addAccessCounts, type RowCount } from './queries/access-counts.ts';
export { bomById, replaceBomItems } from './queries/boms.ts';
export { type DashboardsAge, dashboardOf, dashboardsAge, dashboardsAreStale } from './queries/dashboards.ts';
export { type LicensePlateChanges, licensePlateById, updateLicensePlate } from './queries/license-plates.ts';
export {
  type DeletedProduct,
  deleteProduct,
  insertProduct,
  listProducts,
  type NewProduct,
  type ProductChanges,
  productById,
  updateProduct,
} from './queries/products.ts';
export { mostAccessed, type OwnedRow, orgIds } from './queries/warm-up.ts';
export {
  type Bom,
  type BomItem,
  type Dashboard,
  LICENSE_PLATE_STATUSES,
  type LicensePlate,
  type LicensePlateStatus,
  type Product,
  type UserPermissions,
} from './rows.ts';
