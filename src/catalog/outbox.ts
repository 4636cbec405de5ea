import { type ChangedTable, outboxSql } from '../adapters/postgres/index.ts';
import type { Feed } from '../resources/feed.ts';
import { catalogResources } from './resources/index.ts';

/**
 * The revision is raised whenever a resource's feeds change. A database with the triggers of one revision then gets
 * those of the next. An older build that starts beside a newer one leaves them alone.
 */
const REVISION = 4;

/** Makes the migration that installs the triggers of every table from which a resource of the catalog is read. */
export function outboxMigration(): { readonly id: string; readonly text: string } {
  const feeds = [...catalogResources.flatMap((resource) => resource.feeds), TOKENS];
  return { id: `outbox-${REVISION}`, text: outboxSql(mergeByTable(feeds)) };
}

const TOKEN_PREFIX = 'token:';

/** The tags by which a changed or revoked API token is named. No entry of the catalog carries them. */
export const tokenTags = {
  of: (id: number | `{${string}}`): string => `${TOKEN_PREFIX}${id}`,
  /** Of all tokens: for TRUNCATE and for bulk changes. */
  all: 'tokens',
  has: (tag: string): boolean => tag === tokenTags.all || tag.startsWith(TOKEN_PREFIX),
};

/** Every instance remembers what a token permits, so a change of a token travels as a change of a row does. */
const TOKENS: Feed = {
  table: 'api_tokens',
  tags: [tokenTags.of('{id}')],
  all: [tokenTags.all],
  columns: ['revoked_at', 'role', 'org_id', 'expires_at'],
};

/** Merges the feeds of all resources into one declaration for each table. */
export function mergeByTable(feeds: readonly Feed[]): ChangedTable[] {
  return [...Map.groupBy(feeds, ({ table }) => table)].map(([table, given]) => {
    const union = (of: (feed: Feed) => readonly string[] | undefined): string[] => [
      ...new Set(given.flatMap((feed) => of(feed) ?? [])),
    ];
    const columns = given.every((feed) => feed.columns !== undefined) ? { columns: union((feed) => feed.columns) } : {};
    return {
      table,
      keys: union((feed) => feed.keys),
      tags: union((feed) => feed.tags),
      all: union((feed) => feed.all),
      ...columns,
      ...viaOf(table, given),
    };
  });
}

/**
 * Returns the `via` of a table, which has one trigger and thus one query.
 * @throws Error when two feeds of the table join it in two ways.
 */
function viaOf(table: string, feeds: readonly Feed[]): Pick<ChangedTable, 'via'> {
  const [via, ...others] = new Set(feeds.map((feed) => feed.via));
  if (others.length > 0) throw new Error(`The feeds of ${table} must all have the same "via", or none`);
  return via === undefined ? {} : { via };
}
