import { cancellable } from '../../adapters/postgres/index.ts';
import type { UserPermissions } from '../rows.ts';
import type { Queryable } from '../sql.ts';

export async function orgExists(sql: Queryable, id: number, signal?: AbortSignal): Promise<boolean> {
  return (await cancellable(sql`select from orgs where id = ${id}`, signal)).length > 0;
}

/** Reads a user of this org with the user's permissions; `null` when there is none. */
export async function userPermissions(
  sql: Queryable,
  orgId: number,
  id: number,
  signal?: AbortSignal,
): Promise<UserPermissions | null> {
  const [row] = await cancellable(
    sql<UserPermissions[]>`
      select id, org_id as "orgId", name,
             coalesce((
               select json_agg(permission order by permission) from permissions where user_id = users.id
             ), '[]') as permissions
      from users where id = ${id} and org_id = ${orgId}`,
    signal,
  );
  return row ?? null;
}
