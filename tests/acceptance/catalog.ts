import { bomPath, platePath, productPath } from '../integration/support/catalog-requests.ts';

/** The products of an org, and where one is added. */
export const listPath = (org: number): string => `/api/v1/orgs/${org}/products`;

/** A product that org 1 has been given by a story; that of the sample catalog tells its org by its id. */
export const addedPath = (id: number): string => `${listPath(1)}/${id}`;

/** What an org has, counted and summed up. */
export const dashboardPath = (org: number): string => `/api/v1/orgs/${org}/dashboard`;

/** One of each kind of thing that an org of the sample catalog has. */
export const everyKind = (org: number): string[] => [
  productPath(100 * org),
  bomPath(50 * org),
  platePath(200 * org),
  listPath(org),
  dashboardPath(org),
  `/api/v1/orgs/${org}/users/${5 * org}/permissions`,
];

/** Where product 1 can be seen: its own page, the list that it is in, and the dashboard that it counts for. */
export const PLACES_OF_PRODUCT = [productPath(1), listPath(1), dashboardPath(1)];

/** So many whole numbers from `first` on. */
export const range = (first: number, length: number): number[] => Array.from({ length }, (_, index) => first + index);
