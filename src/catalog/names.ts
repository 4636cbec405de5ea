/** An id, or a column in braces that stands for the ids of changed rows; see `Feed`. */
type Id = number | `{${string}}`;

/** Names that end with an org's id begin with these texts. Statements find such names by them. */
export const prefixes = { dashboard: 'dashboard:org:', org: 'org:' } as const;

/**
 * Makes the keys and tags of the catalog in one place, so that a read and the writes that invalidate it cannot drift
 * apart.
 */
export const keys = {
  products: (orgId: number, pageSize: number, after: number) => `products:org:${orgId}:l${pageSize}:a${after}`,
  product: (orgId: Id, id: Id) => `product:${orgId}:${id}`,
  bom: (orgId: Id, id: Id) => `bom:${orgId}:${id}`,
  licensePlate: (orgId: Id, id: Id) => `lp:${orgId}:${id}`,
  dashboard: (orgId: Id) => `${prefixes.dashboard}${orgId}`,
  userSession: (orgId: Id, userId: Id) => `user:session:${orgId}:${userId}`,
};

/**
 * Makes every key under which a row may be cached: the present one, and the one of 0.1, which left the org out. Feeds
 * and mutations name both for one release, because instances of both run side by side while a fleet is updated.
 */
export const everyKey = {
  product: (orgId: Id, id: Id) => [keys.product(orgId, id), `product:${id}`],
  bom: (orgId: Id, id: Id) => [keys.bom(orgId, id), `bom:${id}`],
  licensePlate: (orgId: Id, id: Id) => [keys.licensePlate(orgId, id), `lp:${id}`],
  userSession: (orgId: Id, userId: Id) => [keys.userSession(orgId, userId), `user:session:${userId}`],
};

export const tags = {
  org: (orgId: Id) => `${prefixes.org}${orgId}`,
  /** All pages of an org's product list. */
  productList: (orgId: Id) => `products:org:${orgId}`,
  /** All dashboards. */
  dashboards: 'dashboards',
};
