import type { Sql } from '../../catalog/sql.ts';
import { type ApiToken, findToken } from '../../catalog/tokens.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { FindHolder, Principal, Right } from './access-control.ts';

/** What is used of a cache: one without a second tier, so that token digests stay in this process. */
type HolderCache = Pick<TieredCache, 'peekLookup' | 'getOrSet'>;

/**
 * A revoked token is refused after one second at the latest. While the database cannot be asked, a token that was good
 * a minute ago still is: what is in the cache can be read through an outage.
 */
const REMEMBER = { ttl: '1s', negativeTtl: '1s', staleIfError: '1m', jitter: 0 } as const;

const RIGHTS: Readonly<Record<ApiToken['role'], ReadonlySet<Right>>> = {
  reader: new Set(['read']),
  writer: new Set(['read', 'write']),
};

/** Looks tokens up in the database, at most once a second for each. */
export function tokenHolders(sql: Sql, cache: HolderCache): FindHolder {
  return (token, sha256) => {
    const hit = cache.peekLookup<Holder | null>(sha256);
    if (hit !== undefined) return toPrincipal(hit.value);
    const load = async () => toHolder(await findToken(sql, token));
    return cache.getOrSet<Holder | null>(sha256, load, REMEMBER).then(toPrincipal);
  };
}

/** Kept as JSON: the end is milliseconds since 1970. */
interface Holder extends Pick<ApiToken, 'orgId' | 'role'> {
  readonly expiresAt: number | null;
}

function toHolder(token: ApiToken | null): Holder | null {
  if (token === null) return null;
  return { orgId: token.orgId, role: token.role, expiresAt: token.expiresAt?.getTime() ?? null };
}

/** An expired token is refused at its moment, however long what is known of it may still be used. */
function toPrincipal(holder: Holder | null): Principal | null {
  if (holder === null || (holder.expiresAt !== null && holder.expiresAt <= Date.now())) return null;
  return { orgId: holder.orgId, rights: RIGHTS[holder.role] };
}
