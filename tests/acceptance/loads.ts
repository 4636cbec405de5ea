/** What is asked of PostgreSQL for a BOM that is in no tier. */
export const BOM_LOADS = /from boms where id = \$1 and org_id = \$2(?! for)/;

/** The same for anything that the crowd asks for. */
export const LOADS =
  /from products where (?:id = \$1 and org_id = \$2(?! for)|org_id = \$1 and id > )|from (?:boms|license_plates) where id = \$1 and org_id = \$2(?! for)|with true_view as/;
