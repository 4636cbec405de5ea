import type { ISql } from 'postgres';
import type { InvalidationMode, Targets } from '../../core/model/invalidation.ts';
import type { OutboxOrder, OutboxRow, Undelivered } from '../../core/ports/outbox.ts';
import { LEAD_LOCK, WRITERS_OWN } from './outbox-table.ts';
import type { Ticket } from './tickets.ts';

/** Rows read at once, and about the most names that they may have together. */
const ROWS_AT_ONCE = 500;
const NAMES_AT_ONCE = 10_000;
/** Rows that a follower is told of one by one. */
const MOST_FOLLOWED = 1_000;
/** Rows removed at once. */
const PRUNED_AT_ONCE = 2_000;
/** A cache is registered anew after so long, and counts as away when nobody has done so for longer. */
const REGISTERED_FOR = '5 seconds';
const AWAY_AFTER = '15 seconds';
const COMPLETE_AFTER_MS = 20_000;
/** Records in Redis stay for 30 days. */
const FORGOTTEN_AFTER = '31 days';

interface Row {
  readonly id: string;
  /** JSON, as text: a pool may have its JSON parsed by a function of its own. */
  readonly keys: unknown;
  readonly tags: unknown;
  readonly mode: InvalidationMode;
}

/** A row as it was read. `targets` is absent when its names are no lists of texts. */
export interface ReadRow extends Omit<OutboxRow, 'targets'> {
  readonly targets: Targets | undefined;
}

function toRow({ id, keys, tags, mode }: Row): ReadRow {
  return { id, targets: targetsOf(textsIn(keys), textsIn(tags)), mode };
}

function targetsOf(ids: string[] | undefined, tags: string[] | undefined): Targets | undefined {
  return ids === undefined || tags === undefined ? undefined : { ids, tags };
}

/** The texts of a list, given as JSON; nothing when it is no such list. An array of SQL may hold nulls, and arrays. */
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

/** Lists travel as JSON: that needs no knowledge of the database's own numbers for its types. */
const list = (sql: ISql, values: readonly string[]) =>
  sql`(select coalesce(array_agg(value), '{}') from jsonb_array_elements_text(${JSON.stringify(values)}::text::jsonb))`;

/** What one cache has not been told of yet. */
const waiting = (sql: ISql, cache: string) => sql`delivered_at is null and not delivered_to @> array[${cache}]::text[]`;

/** Milliseconds since the row that waits longest became due; 0 when none waits. */
const lag = (sql: ISql, cache: string) => sql`
  coalesce((select extract(epoch from clock_timestamp() - min(not_before)) * 1000 from tiercel_outbox
            where ${waiting(sql, cache)} and not_before <= now()), 0)::float8 as lag`;

/** One lock for each cache, in each schema of each database. `isKnown`: it need not be registered anew. */
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
 * From now on rows wait for this cache too. One that was away while others were not may have missed rows that are marked or
 * gone by now.
 * @returns whether it must begin anew; so it stays until {@link renewed}.
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

/** The cache is no more: no row waits for it. */
export async function unregister(sql: ISql, cache: string): Promise<void> {
  await sql`delete from tiercel_outbox_caches where cache = ${cache}`;
}

export async function resign(sql: ISql): Promise<void> {
  await sql`select pg_advisory_unlock_all()`;
}

/** By a partial index over the rows that wait: nothing that is delivered is looked at. */
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

/** Also what has been delivered to this cache and still waits for another. */
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

/** Whether a row still waits for a cache that is there, beside this one. Followers alone are no cache: they find it as it is. */
const isWanted = (sql: ISql, cache: string) => sql`
  exists (select from tiercel_outbox_caches
          where cache <> ${cache} and cache <> all (delivered_to)
            and (${cache} = '' or seen_at > clock_timestamp() - ${AWAY_AFTER}::text::interval))`;

/** The row has reached this cache; it is delivered once no other that is there lacks it. */
const delivery = (sql: ISql, cache: string) => sql`
  delivered_to = delivered_to || ${cache}::text,
  delivered_at = case when not ${isWanted(sql, cache)} then clock_timestamp() end`;

/** Who delivers is there: however long that takes, rows go on waiting for it. Who counts as away already stays away. */
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

/** Of the rows under each ticket those that name nothing but what was acknowledged. */
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

/** All in one statement, so that a burst of invalidations waits for the disk once. */
export async function record(sql: ISql, orders: readonly (OutboxOrder & { readonly ticket: string })[]): Promise<void> {
  const rows = orders.map(({ ticket, mode, targets: { ids: keys, tags } }) => ({ ticket, mode, keys, tags }));
  await sql`
    insert into tiercel_outbox (keys, tags, mode, origin, not_before)
    select array(select jsonb_array_elements_text(keys)), array(select jsonb_array_elements_text(tags)), mode, ticket,
           clock_timestamp() + ${WRITERS_OWN}::text::interval
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as given (ticket text, mode text, keys jsonb, tags jsonb)`;
}

/** The rows of the transaction under way are left to its writer for a moment. */
export async function claim(sql: ISql, ticket: string): Promise<void> {
  await sql`select set_config('tiercel.origin', ${ticket}, true)`;
}

/** A row as a follower sees it: its writer may be the follower itself. */
export interface News extends Omit<ReadRow, 'id'> {
  readonly origin: string | null;
}

/**
 * Rows of transactions that the cursor's snapshot did not see and this one does: exactly those, however long a transaction
 * took to commit. Such a transaction had not begun when the cursor was given out, or was running then; both kinds are found
 * by the index over `xid`. So a transaction that stays open anywhere makes no row be read twice.
 *
 * A row whose transaction this server has not begun yet comes from a dump of another server. It is no news.
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
 * Removes rows that were delivered longer ago than `windowMs`, and some that will never be: those that only waited for caches
 * that are gone count as delivered from now on, and those that no cache has a use for go after `uselessMs`. A cache that was
 * not seen for so long has to begin anew, and is forgotten when Redis has forgotten it too.
 * @returns whether there may be more.
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
