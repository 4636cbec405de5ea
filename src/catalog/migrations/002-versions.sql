-- Versions: strictly greater after each committed change of a row, whoever writes it.
--
-- Every version comes from one sequence, drawn in a BEFORE trigger:
--   * An UPDATE locks the row before its BEFORE triggers run, so writers of one row draw one after the other, in the
--     order in which they commit. That needs a sequence without CACHE: a session that hoarded numbers would hand out
--     old ones. greatest(…, old + 1) keeps the promise even after somebody has set the sequence back.
--   * An id that is deleted and inserted again draws a number that no row has had before; a count kept in the row
--     would start again.
--   * The sequence belongs to no column, so TRUNCATE … RESTART IDENTITY leaves it alone.
-- Numbers are skipped by rolled-back transactions and shared by all tables: a version orders the states of one row and
-- says nothing else.
create sequence tiercel_version as bigint no cycle;

-- Functions keep the search_path of this migration: a logical replication worker, for one, runs with an empty one.

-- A row trigger for any table with a "version". A writer's own version is never stored: writing one only says "this row
-- has changed". Rows that change in nothing but access_count keep their version: counting a read is no change.
create function tiercel_raise_version() returns trigger language plpgsql set search_path from current as $$
begin
  if tg_op = 'INSERT' then
    new.version := nextval('tiercel_version');
  elsif to_jsonb(new) - 'access_count' is distinct from to_jsonb(old) - 'access_count' then
    new.version := greatest(nextval('tiercel_version'), old.version + 1);
  end if;
  return new;
end
$$;

create trigger products_version before insert or update on products
  for each row execute function tiercel_raise_version();
create trigger boms_version before insert or update on boms
  for each row execute function tiercel_raise_version();
create trigger license_plates_version before insert or update on license_plates
  for each row execute function tiercel_raise_version();

-- A BOM changes with its items. Once a statement, not once an item; the BOMs are locked in the order of their ids, so
-- that two statements over the same BOMs cannot block each other for ever.
create function tiercel_raise_bom_versions(bom_ids bigint[]) returns void language sql set search_path from current as $$
  with locked as (
    select id from boms where id = any (bom_ids) order by id for no key update
  )
  update boms set version = boms.version + 1 from locked where boms.id = locked.id
$$;

create function tiercel_bom_items_inserted() returns trigger language plpgsql set search_path from current as $$
begin
  perform tiercel_raise_bom_versions(array(select distinct bom_id from new_items));
  return null;
end
$$;

create function tiercel_bom_items_updated() returns trigger language plpgsql set search_path from current as $$
begin
  perform tiercel_raise_bom_versions(array(select bom_id from old_items union select bom_id from new_items));
  return null;
end
$$;

create function tiercel_bom_items_deleted() returns trigger language plpgsql set search_path from current as $$
begin
  perform tiercel_raise_bom_versions(array(select distinct bom_id from old_items));
  return null;
end
$$;

create function tiercel_bom_items_truncated() returns trigger language plpgsql set search_path from current as $$
begin
  perform tiercel_raise_bom_versions(array(select distinct bom_id from bom_items));
  return null;
end
$$;

create trigger bom_items_inserted after insert on bom_items referencing new table as new_items
  for each statement execute function tiercel_bom_items_inserted();
create trigger bom_items_updated after update on bom_items referencing old table as old_items new table as new_items
  for each statement execute function tiercel_bom_items_updated();
create trigger bom_items_deleted after delete on bom_items referencing old table as old_items
  for each statement execute function tiercel_bom_items_deleted();
create trigger bom_items_truncated before truncate on bom_items
  for each statement execute function tiercel_bom_items_truncated();

-- "Whoever writes it" includes sessions with session_replication_role = replica, which skip ordinary triggers.
alter table products enable always trigger products_version;
alter table boms enable always trigger boms_version;
alter table license_plates enable always trigger license_plates_version;
alter table bom_items enable always trigger bom_items_inserted;
alter table bom_items enable always trigger bom_items_updated;
alter table bom_items enable always trigger bom_items_deleted;
alter table bom_items enable always trigger bom_items_truncated;
