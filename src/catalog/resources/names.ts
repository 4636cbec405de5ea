/** Keys and tags of the catalog in the cache. One place, so that a read and the writes that end it cannot drift apart. */
export const keys = {
  products: (orgId: number, limit: number, after: number) => `products:org:${orgId}:l${limit}:a${after}`,
  product: (id: number) => `product:${id}`,
  bom: (id: number) => `bom:${id}`,
  licensePlate: (id: number) => `lp:${id}`,
  dashboard: (orgId: number) => `dashboard:org:${orgId}`,
  userSession: (userId: number) => `user:session:${userId}`,
};

export const tags = {
  org: (orgId: number) => `org:${orgId}`,
  /** All pages of an org's product list. */
  productList: (orgId: number) => `products:org:${orgId}`,
  user: (id: number) => `user:${id}`,
};
