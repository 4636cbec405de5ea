import { assertArray } from '../../core/model/arguments.ts';
import { assertDeclaration, type ChangedTable, OutboxDeclarationError } from './changed-table.ts';
import { CHANNEL, INSTALL_LOCK, NOTIFY_LOCK, WRITERS_OWN } from './outbox-table.ts';
import { checkOf } from './table-check.ts';
import { triggersOf } from './triggers.ts';

/**
 * Every trigger ends with this function. A transaction that sets `tiercel.origin` is followed by its writer's own
 * invalidation, so its rows wait a second for it. Only the owner may call the function. Otherwise any user of the
 * database could announce any change.
 */
const ADD = `
create or replace function tiercel_outbox_add(names text[], labels text[]) returns void
language plpgsql security definer set search_path from current as $body$
declare
  origin text := nullif(current_setting('tiercel.origin', true), '');
begin
  if cardinality(names) + cardinality(labels) = 0 then return; end if;
  insert into tiercel_outbox (keys, tags, origin, not_before) values (
    names, labels, origin,
    case when origin is null then clock_timestamp() else clock_timestamp() + interval '${WRITERS_OWN}' end
  );
end
$body$;
revoke all on function tiercel_outbox_add(text[], text[]) from public;`;

/**
 * Rows without an origin wake the relay as soon as they are committed. Postgres commits transactions that notify one
 * after the other, with the time that each needs to write to the disk. Of those that would commit at one moment only
 * the first therefore notifies. The relay that it wakes looks once more a little later. The trigger asks for the lock
 * at the commit: a transaction that stays open must not hold it.
 */
const NOTIFY = `
create or replace function tiercel_outbox_notify() returns trigger
language plpgsql security definer set search_path from current as $body$
begin
  if pg_try_advisory_xact_lock(${NOTIFY_LOCK}, hashtext(current_schema())) then perform pg_notify('${CHANNEL}', ''); end if;
  return null;
end
$body$;
revoke all on function tiercel_outbox_notify() from public;
create constraint trigger tiercel_outbox_notify after insert on tiercel_outbox deferrable initially deferred
  for each row when (new.origin is null) execute function tiercel_outbox_notify();
alter table tiercel_outbox enable always trigger tiercel_outbox_notify;`;

/**
 * Creates the table of rows, and the table of the caches that read it. A row is delivered when all caches have it.
 * `xid` orders nothing. Together with a snapshot it shows exactly which rows a reader has not seen yet, however their
 * transactions overlapped.
 */
const TABLE = `
create table if not exists tiercel_outbox (
  id           bigint generated always as identity primary key,
  keys         text[] not null default '{}',
  tags         text[] not null default '{}',
  mode         text not null default 'delete' check (mode in ('delete', 'expire')),
  origin       text,
  at           timestamptz not null default clock_timestamp(),
  not_before   timestamptz not null default clock_timestamp(),
  delivered_to text[] not null default '{}',
  delivered_at timestamptz,
  xid          xid8 not null default pg_current_xact_id()
) with (autovacuum_vacuum_scale_factor = 0.05);
create index if not exists tiercel_outbox_undelivered on tiercel_outbox (not_before, id) where delivered_at is null;
create index if not exists tiercel_outbox_origin on tiercel_outbox (origin) where delivered_at is null and origin is not null;
create index if not exists tiercel_outbox_xid on tiercel_outbox (xid);
create index if not exists tiercel_outbox_delivered on tiercel_outbox (delivered_at) where delivered_at is not null;
create table if not exists tiercel_outbox_caches (
  cache   text primary key,
  seen_at timestamptz not null default clock_timestamp(),
  renew   boolean not null
);`;

/**
 * Sets the schema in which the functions look: this one alone, whichever session calls them. Temporary tables come
 * last. Outside of a transaction the setting would be gone by the next statement, and the functions would look in the
 * schemas of the session.
 *
 * One transaction at a time installs or removes the outbox of a schema. Several instances that migrate when they start
 * would otherwise create the same table twice, or wait for each other's locks on the watched tables.
 */
const BEGIN = `
select set_config('tiercel.search_path', current_setting('search_path'), true);
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);
do $body$
begin
  if current_setting('search_path') not like '%, pg_temp' then
    raise exception 'The outbox must be installed and removed in a transaction' using errcode = 'no_active_sql_transaction';
  end if;
end
$body$;
select pg_advisory_xact_lock(${INSTALL_LOCK}, hashtext(current_schema()));`;

/** Restores the search path for the rest of the surrounding transaction. */
const RESTORE_SEARCH_PATH = `select set_config('search_path', current_setting('tiercel.search_path'), true);`;

/**
 * Drops the triggers of every watched table and all functions of the outbox, independent of the present declarations.
 */
const DROP_TRIGGERS = `
do $body$
declare
  one record;
  home regnamespace := quote_ident(current_schema());
begin
  -- What this transaction has written before would wait for its end, and keep the table from being changed.
  if exists (select from pg_trigger join pg_class on pg_class.oid = tgrelid
             where tgname = 'tiercel_outbox_notify' and relnamespace = home) then
    execute format('set constraints %s.tiercel_outbox_notify immediate', home);
  end if;
  for one in
    select tgname, tgrelid::regclass as watched from pg_trigger
    join pg_proc on pg_proc.oid = tgfoid
    where starts_with(proname, 'tiercel_outbox_') and pronamespace = home
  loop
    execute format('drop trigger %I on %s', one.tgname, one.watched);
  end loop;
  for one in
    select oid::regprocedure as called from pg_proc
    where starts_with(proname, 'tiercel_outbox_') and pronamespace = home
  loop
    execute format('drop function %s', one.called);
  end loop;
end
$body$;`;

/**
 * Makes the SQL that installs the outbox: the table `tiercel_outbox` if it is absent, and triggers for these tables in
 * place of all earlier ones. Put it into a migration. It must run in a transaction, and it can run again. It creates
 * everything in the first schema of the `search_path` and leaves the `search_path` as it was.
 *
 * The SQL fails, with a message that names the table, in two cases: a column of a template does not exist, or `columns`
 * do not tell the rows apart.
 *
 * The triggers are `ENABLE ALWAYS` and fire once a statement. A writer of the table needs no right to write the outbox.
 * They cannot see these changes:
 * - rows that logical replication writes, where Postgres fires no statement triggers
 * - statements that name a partition or a child instead of the table
 * - changes made while the triggers are disabled
 * @example
 * ```ts
 * import postgres from 'postgres';
 * import { outboxSql } from 'tiercel/postgres';
 *
 * const sql = postgres('postgres://127.0.0.1/shop');
 * const install = outboxSql([{ table: 'products', keys: ['product:{id}'], all: ['products'] }]);
 * await sql.begin((tx) => tx.unsafe(install));
 * ```
 * @throws {@link OutboxDeclarationError} naming the table that cannot be watched.
 * @throws {@link InvalidOptionError} when `tables` is no array of declarations, or one has an option that does not
 *   exist.
 */
export function outboxSql(tables: readonly ChangedTable[]): string {
  assertArray('tables', tables, 'an array of declarations: [{ table, keys, tags, all }]');
  for (const [index, declared] of tables.entries()) {
    assertDeclaration(declared);
    if (tables.findIndex(({ table }) => table === declared.table) < index)
      throw new OutboxDeclarationError(declared.table, 'it is declared twice');
  }
  const watched = tables.flatMap((table) => [checkOf(table), triggersOf(table)]);
  return join([BEGIN, TABLE, DROP_TRIGGERS, ADD, NOTIFY, ...watched, RESTORE_SEARCH_PATH]);
}

/**
 * Makes the SQL that removes the outbox: its triggers, its functions, and the table with the rows in it. It must run in
 * a transaction.
 * @example
 * ```ts
 * import postgres from 'postgres';
 * import { dropOutboxSql } from 'tiercel/postgres';
 *
 * const sql = postgres('postgres://127.0.0.1/shop');
 * await sql.begin((tx) => tx.unsafe(dropOutboxSql()));
 * ```
 */
export function dropOutboxSql(): string {
  return join([
    BEGIN,
    DROP_TRIGGERS,
    'drop table if exists tiercel_outbox, tiercel_outbox_caches;',
    RESTORE_SEARCH_PATH,
  ]);
}

function join(parts: readonly string[]): string {
  return parts.map((part) => part.trim()).join('\n\n');
}
