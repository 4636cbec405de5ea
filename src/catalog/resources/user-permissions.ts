import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { everyKey, keys } from '../names.ts';
import { userPermissions as loadPermissions } from '../queries.ts';
import { exactly, id, name } from './schema.ts';

/** The permissions of a user. It is never answered stale: a right that was taken away is gone. */
export const userPermissions = defineResource({
  name: 'user-permissions',
  route: '/orgs/:orgId/users/:id/permissions',
  summary: 'The permissions of a user',
  schema: exactly({ id, orgId: id, name, permissions: Type.Array(Type.String()) }),
  key: ({ orgId, id }) => keys.userSession(orgId, id),
  load: ({ sql, params, signal }) => loadPermissions(sql, params.orgId, params.id, signal),
  tags: () => ['users'],
  feeds: [
    { table: 'users', keys: everyKey.userSession('{org_id}', '{id}'), all: ['users'] },
    {
      table: 'permissions',
      // A permission does not name its user's org. The feed of `users` covers a user that is deleted.
      via: 'select users.org_id, users.id as user_id from changed join users on users.id = changed.user_id',
      keys: everyKey.userSession('{org_id}', '{user_id}'),
      all: ['users'],
    },
  ],
  ttl: '30m',
});
