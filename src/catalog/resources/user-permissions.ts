import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { userPermissions as loadPermissions } from '../queries.ts';
import { keys, tags } from './names.ts';
import { exactly, id, name } from './schema.ts';

/** What a user may do. Never answered stale: a right that was taken away is gone. */
export const userPermissions = defineResource({
  name: 'user-permissions',
  route: '/orgs/:orgId/users/:id/permissions',
  summary: 'What a user may do',
  schema: exactly({ id, orgId: id, name, permissions: Type.Array(Type.String()) }),
  key: ({ id }) => keys.userSession(id),
  load: ({ sql, params, signal }) => loadPermissions(sql, params.id, signal),
  owner: ({ orgId }) => orgId,
  tags: ({ id }) => [tags.user(id), 'users'],
  feeds: [
    { table: 'users', keys: [keys.userSession('{id}')], all: ['users'] },
    { table: 'permissions', keys: [keys.userSession('{user_id}')], all: ['users'] },
  ],
  ttl: '30m',
});
