/** An id, or a column in braces that stands for the ids of changed rows; see `Feed`. */
type Id = number | `{${string}}`;

/** What names that end with an org's id begin with, for whoever has to find them among others. */
export const prefixes = { dashboard: 'dashboard:org:', org: 'org:' } as const;

/** Keys and tags of the catalog in the cache. One place, so that a read and the writes that end it cannot drift apart. */
export const keys = {
  products: (orgId: number, limit: number, after: number) => `products:org:${orgId}:l${limit}:a${after}`,
  product: (id: Id) => `product:${id}`,
  bom: (id: Id) => `bom:${id}`,
  licensePlate: (id: Id) => `lp:${id}`,
  dashboard: (orgId: Id) => `${prefixes.dashboard}${orgId}`,
  userSession: (userId: Id) => `user:session:${userId}`,
};

export const tags = {
  org: (orgId: Id) => `${prefixes.org}${orgId}`,
  /** All pages of an org's product list. */
  productList: (orgId: Id) => `products:org:${orgId}`,
  user: (id: Id) => `user:${id}`,
  /** All dashboards. */
  dashboards: 'dashboards',
};
