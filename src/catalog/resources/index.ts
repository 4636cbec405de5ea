import type { Resource } from '../../resources/resource.ts';
import { bom } from './bom.ts';
import { dashboard } from './dashboard.ts';
import { licensePlate } from './license-plate.ts';
import { product } from './product.ts';
import { products } from './products.ts';
import { userPermissions } from './user-permissions.ts';

/** All resources of the sample catalog. */
export const catalogResources: readonly Resource[] = [products, product, bom, licensePlate, dashboard, userPermissions];
