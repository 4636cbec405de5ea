import { Type } from '@sinclair/typebox';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { InvalidateRequest, InvalidateResult } from '../../core/write/invalidate.ts';
import { assertName } from '../http/key-in-path.ts';
import { Problem } from '../http/problem.ts';
import { bodyReader } from '../http/read-body.ts';
import type { RouteHandler } from '../http/route.ts';
import type { LogAdminAction } from '../logging/admin-log.ts';
import { acknowledge } from './acknowledge.ts';

const names = (description: string) => Type.Array(Type.String(), { maxItems: 1_000, description });

/** The body that the route takes. It holds at least one of the first three properties. */
export const InvalidateBody = Type.Object(
  {
    keys: Type.Optional(names('Keys, whole.')),
    tags: Type.Optional(names('Tags: whatever carries one of them.')),
    pattern: Type.Optional(
      Type.String({
        maxLength: 256,
        description:
          'A glob over keys: * is any run of characters, ? any one, \\ takes the next as it is. Scans Redis.',
      }),
    ),
    mode: Type.Optional(
      Type.Union([Type.Literal('delete'), Type.Literal('expire')], {
        default: 'delete',
        description: 'delete: gone. expire: stale at once, kept for when the source fails.',
      }),
    ),
    dryRun: Type.Optional(Type.Boolean({ default: false, description: 'Count what would go, and touch nothing.' })),
  },
  { additionalProperties: false },
);

/** The route's answer. */
export const InvalidateAnswer = Type.Object({
  invalidated: Type.Object({
    keys: Type.Integer({ description: 'Keys named, and entries that the pattern matched.' }),
    tags: Type.Integer({ description: 'Tags named.' }),
  }),
  dryRun: Type.Boolean(),
});

const readBody = bodyReader(InvalidateBody);

/**
 * Invalidates the keys, tags and pattern of the body. While Redis cannot be reached, the invalidation is queued and the
 * answer says that it is pending. The answer then does not count the matches of a pattern in Redis.
 */
export function invalidateRoute(cache: Pick<TieredCache, 'invalidate' | 'count'>, log: LogAdminAction): RouteHandler {
  return async ({ request }) => {
    const { dryRun = false, ...targets } = await readBody(request);
    assertTargets(targets);
    const order = dryRun ? preview(cache, targets) : cache.invalidate(targets);
    const { result: invalidated = named(targets), pending, headers } = await acknowledge(order);
    const details = { mode: targets.mode ?? 'delete', dryRun, pending };
    log({ action: 'invalidate', counts: invalidated, targets, details });
    return Response.json({ invalidated, dryRun }, { headers });
  };
}

/**
 * Checks that every name is well-formed.
 * @throws Problem 400 that names the wrong one.
 */
function assertTargets({ keys = [], tags = [], pattern }: InvalidateRequest): void {
  if (keys.length + tags.length === 0 && pattern === undefined) {
    throw new Problem(400, 'The body must name at least one of keys, tags and pattern');
  }
  for (const [index, key] of keys.entries()) assertName(`/keys/${index}`, 'key', key);
  for (const [index, tag] of tags.entries()) assertName(`/tags/${index}`, 'tag', tag);
  if (pattern !== undefined) assertName('/pattern', 'pattern', pattern);
}

function named({ keys = [], tags = [] }: InvalidateRequest): InvalidateResult {
  return { keys: keys.length, tags: tags.length };
}

async function preview(cache: Pick<TieredCache, 'count'>, targets: InvalidateRequest): Promise<InvalidateResult> {
  const { keys, tags } = named(targets);
  const matched = targets.pattern === undefined ? 0 : await cache.count(targets.pattern);
  return { keys: keys + matched, tags };
}
