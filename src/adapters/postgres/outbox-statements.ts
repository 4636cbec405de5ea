import type { ISql } from 'postgres';
import type { InvalidationMode, Targets } from '../../core/model/invalidation.ts';
import type { OutboxOrder, OutboxRow, Undelivered } from '../../core/ports/outbox.ts';
import { LEAD_LOCK, WRITERS_OWN } from './outbox-table.ts';
import type { Ticket } from './tickets.ts';

/** One read returns at most this many rows, and about this many names. */
const ROWS_AT_ONCE = 500;
const NAMES_AT_ONCE = 10_000;
/** A follower gets at most this many rows one by one. */
const MOST_FOLLOWED = 1_000;
/** One statement removes at most this many rows. */
const PRUNED_AT_ONCE = 2_000;
/** A cache is registered anew after this time, and counts as away when it was not seen for the longer one. */
const REGISTERED_FOR = '5 seconds';
const AWAY_AFTER = '15 seconds';
const COMPLETE_AFTER_MS = 20_000;
/** Records in Redis stay for 30 days. */
const FORGOTTEN_AFTER = '31 days';

interface Row {
  readonly id: string;
  /** A JSON text: the pool may parse JSON with a function of its own. */
  readonly keys: unknown;
  readonly tags: unknown;
  readonly mode: InvalidationMode;
}

/** A row as it was read. `targets` is absent when its names are not lists of texts. */
export interface ReadRow extends Omit<OutboxRow, 'targets'> {
  readonly targets: Targets | undefined;
}

function toRow({ id, keys, tags, mode }: Row): ReadRow {
  return { id, targets: targetsOf(textsIn(keys), textsIn(tags)), mode };
}

function targetsOf(ids: string[] | undefined, tags: string[] | undefined): Targets | undefined {
  return ids === undefined || tags === undefined ? undefined : { ids, tags };
}

/** Returns the texts of a JSON list, or nothing for any other JSON. An array of SQL may hold nulls and arrays. */
function textsIn(json: unknown): string[] | undefined {
  try {
    const list: unknown = typeof json === 'string' ? JSON.parse(json) : json;
    return isTexts(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(list: unknown): list is string[] {
  return Array.isArray(list) && list.every((each) => typeof each === 'string');
}

/** Passes a list as JSON, which needs no knowledge of the numbers that the database gives its types. */
const list = (sql: ISql, values: readonly string[]) =>
  sql`(select coalesce(array_agg(value), '{}') from jsonb_array_elements_text(${JSON.stringify(values)}::text::jsonb))`;

/** Selects the rows that one cache has not got yet. */
const waiting = (sql: ISql, cache: string) => sql`delivered_at is null and not delivered_to @> array[${cache}]::text[]`;

/** Milliseconds since the row that waits longest became due. 0 when none waits. */
const lag = (sql: ISql, cache: string) => sql`
  coalesce((select extract(epoch from clock_timestamp() - min(not_before)) * 1000 from tiercel_outbox
            where ${waiting(sql, cache)} and not_before <= now()), 0)::float8 as lag`;

/**
 * Tries to take the lock of one cache, in one schema of one database. `isKnown` says that it need not be registered
 * anew.
 */
export async function lead(
  sql: ISql,
  cache: string,
): Promise<{ readonly leads: boolean; readonly lagMs: number; readonly isKnown: boolean }> {
  const [row] = await sql<{ leads: boolean; lag: number; known: boolean }[]>`
    select pg_try_advisory_lock(${LEAD_LOCK}, hashtext(current_schema() || '.' || ${cache})) as leads, ${lag(sql, cache)},
           exists (select from tiercel_outbox_caches
                   where cache = ${cache} and not renew
                     and seen_at > clock_timestamp() - ${REGISTERED_FOR}::text::interval) as known`;
  return { leads: row?.leads === true, lagMs: Math.max(Number(row?.lag ?? 0), 0), isKnown: row?.known === true };
}

/**
 * Registers a cache: rows wait for it from now on. A cache that was away while others were not may have missed rows
 * that are marked or gone by now.
 * @returns true if the cache must begin anew. The answer stays true until {@link renewed}.
 */
export async function register(sql: ISql, cache: string): Promise<boolean> {
  const [row] = await sql<{ renew: boolean }[]>`
    insert into tiercel_outbox_caches as own (cache, renew)
    values (${cache}, exists (select from tiercel_outbox_caches where cache <> ${cache}))
    on conflict (cache) do update set
      seen_at = clock_timestamp(),
      renew = own.renew or (
        own.seen_at <= clock_timestamp() - ${AWAY_AFTER}::text::interval
        and exists (select from tiercel_outbox_caches other where other.cache <> own.cache and other.seen_at > own.seen_at))
    returning renew`;
  return row?.renew !== false;
}

export async function renewed(sql: ISql, cache: string): Promise<void> {
  await sql`update tiercel_outbox_caches set renew = false where cache = ${cache}`;
}

/** Removes a cache that is no more. No row waits for it then. */
export async function unregister(sql: ISql, cache: string): Promise<void> {
  await sql`delete from tiercel_outbox_caches where cache = ${cache}`;
}

export async function resign(sql: ISql): Promise<void> {
  await sql`select pg_advisory_unlock_all()`;
}

/** Reads through a partial index over the rows that wait, so delivered rows cost nothing. */
export async function undelivered(
  sql: ISql,
  cache: string,
  which: Undelivered,
  except: readonly string[],
): Promise<ReadRow[]> {
  const due = which === 'due' ? sql`and not_before <= now()` : sql``;
  const others = except.length === 0 ? sql`` : sql`and id::text <> all (${list(sql, except)}::text[])`;
  const rows = await sql<Row[]>`
    select id::text, to_json(keys)::text as keys, to_json(tags)::text as tags, mode from (
      select *, row_number() over waiting as place,
             sum(cardinality(keys) + cardinality(tags)) over (waiting rows unbounded preceding) as names
      from (select id, keys, tags, mode, not_before from tiercel_outbox
            where ${waiting(sql, cache)} ${due} ${others} order by not_before, id limit ${ROWS_AT_ONCE}) oldest
      window waiting as (order by not_before, id)
    ) counted
    where place = 1 or names <= ${NAMES_AT_ONCE} order by place`;
  return rows.map(toRow);
}

/** Reads delivered rows, and rows that this cache has got and that still wait for another cache. */
export async function delivered(
  sql: ISql,
  cache: string,
  withinMs: number,
  after: string | undefined,
): Promise<ReadRow[]> {
  const rows = await sql<Row[]>`
    select id::text, to_json(keys)::text as keys, to_json(tags)::text as tags, mode from tiercel_outbox
    where (delivered_at > clock_timestamp() - ${withinMs}::float8 * interval '1 millisecond'
           or (delivered_at is null and delivered_to @> array[${cache}]::text[]))
      and id > ${after ?? '0'}::text::bigint
    order by tiercel_outbox.id limit ${ROWS_AT_ONCE}`;
  return rows.map(toRow);
}

/**
 * Tells if a row still waits for another cache that is there. Followers alone are no cache: they leave that as it is.
 */
const isWanted = (sql: ISql, cache: string) => sql`
  exists (select from tiercel_outbox_caches
          where cache <> ${cache} and cache <> all (delivered_to)
            and (${cache} = '' or seen_at > clock_timestamp() - ${AWAY_AFTER}::text::interval))`;

/** Notes that the row has reached this cache. It is delivered once no other cache that is there lacks it. */
const delivery = (sql: ISql, cache: string) => sql`
  delivered_to = delivered_to || ${cache}::text,
  delivered_at = case when not ${isWanted(sql, cache)} then clock_timestamp() end`;

/**
 * Notes that the cache that delivers is there. Rows go on waiting for it, however long its deliveries take. A cache
 * that counts as away already stays away.
 */
const seen = (sql: ISql, cache: string) => sql`
  with seen as (
    update tiercel_outbox_caches set seen_at = clock_timestamp()
    where cache = ${cache} and seen_at < clock_timestamp() - ${REGISTERED_FOR}::text::interval
      and seen_at > clock_timestamp() - ${AWAY_AFTER}::text::interval)`;

export async function settle(sql: ISql, cache: string, ids: readonly string[]): Promise<void> {
  await sql`
    ${seen(sql, cache)}
    update tiercel_outbox set ${delivery(sql, cache)}
    where id = any (${list(sql, ids)}::bigint[]) and ${waiting(sql, cache)}`;
}

/** Settles the rows under each ticket that name only acknowledged keys and tags. */
export async function settleTickets(sql: ISql, cache: string, tickets: readonly Ticket[]): Promise<void> {
  await sql`
    update tiercel_outbox set ${delivery(sql, cache)}
    from jsonb_to_recordset(${JSON.stringify(tickets)}::text::jsonb)
      as told (ticket text, keys jsonb, tags jsonb, everything boolean)
    where origin = told.ticket and ${waiting(sql, cache)} and (
      told.everything or (
        tiercel_outbox.keys <@ array(select jsonb_array_elements_text(told.keys))
        and tiercel_outbox.tags <@ array(select jsonb_array_elements_text(told.tags))))`;
}

/** Writes all orders in one statement, so that a burst of invalidations waits for the disk once. */
export async function record(sql: ISql, orders: readonly (OutboxOrder & { readonly ticket: string })[]): Promise<void> {
  const rows = orders.map(({ ticket, mode, targets: { ids: keys, tags } }) => ({ ticket, mode, keys, tags }));
  await sql`
    insert into tiercel_outbox (keys, tags, mode, origin, not_before)
    select array(select jsonb_array_elements_text(keys)), array(select jsonb_array_elements_text(tags)), mode, ticket,
           clock_timestamp() + ${WRITERS_OWN}::text::interval
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given (ticket text, mode text, keys jsonb, tags jsonb)`;
}

/** Leaves the rows of the transaction under way to its writer for a moment. */
export async function claim(sql: ISql, ticket: string): Promise<void> {
  await sql`select set_config('tiercel.origin', ${ticket}, true)`;
}

/** A row as a follower sees it. The follower itself may be its writer. */
export interface News extends Omit<ReadRow, 'id'> {
  readonly origin: string | null;
}

/**
 * Reads the rows of transactions that the cursor's snapshot did not see and the present one does. The result is exact,
 * however long a transaction took to commit. Such a transaction had not begun when the cursor was made, or was running
 * then, and the index over `xid` finds both kinds. A transaction that stays open anywhere therefore makes no row be
 * read twice.
 *
 * A row whose transaction this server has not begun yet comes from a dump of another server. It is left out.
 */
export async function follow(
  sql: ISql,
  cursor: string | undefined,
): Promise<{ readonly cursor: string; readonly rows: readonly News[]; readonly everything: boolean }> {
  const [row] = await sql<{ cursor: string; rows: unknown }[]>`
    select pg_current_snapshot()::text as cursor, (
      select coalesce(json_agg(json_build_object('keys', keys, 'tags', tags, 'mode', mode, 'origin', origin) order by id), '[]')::text
      from (select id, keys, tags, mode, origin from tiercel_outbox
            where xid >= pg_snapshot_xmax(${cursor ?? null}::text::pg_snapshot)
              and xid < pg_snapshot_xmax(pg_current_snapshot())
            union all
            select id, keys, tags, mode, origin from tiercel_outbox
            where xid = any (array(select pg_snapshot_xip(${cursor ?? null}::text::pg_snapshot)))
            limit ${MOST_FOLLOWED + 1}) news
    ) as rows`;
  if (row === undefined) throw new Error('The outbox gave no answer');
  const read = JSON.parse(String(row.rows)) as readonly (Row & Pick<News, 'origin'>)[];
  const everything = read.length > MOST_FOLLOWED;
  const rows = read.map(({ keys, tags, mode, origin }) => {
    const targets = targetsOf(isTexts(keys) ? keys : undefined, isTexts(tags) ? tags : undefined);
    return { targets, mode, origin };
  });
  return { cursor: row.cursor, rows: everything ? [] : rows, everything };
}

/**
 * Removes old rows.
 * - Rows that were delivered longer ago than `windowMs` go.
 * - Rows that waited only for caches that are gone count as delivered from now on.
 * - Rows that no cache has a use for go after `uselessMs`.
 *
 * A cache that was not seen for `uselessMs` has to begin anew. It is forgotten when Redis has forgotten it too.
 * @returns true if there may be more to remove.
 */
export async function prune(sql: ISql, windowMs: number, uselessMs: number): Promise<boolean> {
  const before = (ms: number) => sql`clock_timestamp() - ${ms}::float8 * interval '1 millisecond'`;
  await sql`
    update tiercel_outbox set delivered_at = clock_timestamp() where id in (
      select id from tiercel_outbox
      where delivered_at is null and delivered_to <> '{}' and not_before < ${before(COMPLETE_AFTER_MS)}
        and not exists (select from tiercel_outbox_caches
                        where cache <> all (delivered_to) and seen_at > clock_timestamp() - ${AWAY_AFTER}::text::interval)
      order by not_before, id limit ${PRUNED_AT_ONCE} for update skip locked)`;
  await sql`update tiercel_outbox_caches set renew = true where not renew and seen_at < ${before(uselessMs)}`;
  await sql`delete from tiercel_outbox_caches where seen_at < clock_timestamp() - ${FORGOTTEN_AFTER}::text::interval`;
  const useless = await sql`
    delete from tiercel_outbox where id in (
      select id from tiercel_outbox
      where delivered_at is null and not_before < ${before(uselessMs)}
        and not exists (select from tiercel_outbox_caches where not renew)
      order by not_before, id limit ${PRUNED_AT_ONCE} for update skip locked)`;
  const delivered = await sql`
    delete from tiercel_outbox where id in (
      select id from tiercel_outbox where delivered_at < ${before(windowMs)}
      order by delivered_at limit ${PRUNED_AT_ONCE} for update skip locked)`;
  return Math.max(useless.count, delivered.count) === PRUNED_AT_ONCE;
}
