-- The dashboard: what an org has, counted and summed up. A view that is always right, the same materialized for all orgs,
-- and of which moment that is.

-- Functions look in this schema alone, whoever's statement calls them; temporary tables come last.
select set_config('tiercel.search_path', current_setting('search_path'), true);
select set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- The version of a dashboard is the sum of the versions of its org's rows. Every change of a row raises the row's version,
-- so every commit raises the sum, in whatever order overlapping transactions commit, and no two writers wait for each other.
-- Only a row that leaves its org takes its share away. What keeps the sum rising is noted here: a little more than was lost.
--
-- Rows are added and never changed. One row an org to count up would be a lock: whoever deletes would hold it to the end of
-- the transaction, and two deletes that meet in another row as well would block each other for ever. For the same reason
-- nothing refers to orgs: the check of the reference would wait for whoever deletes the org, who waits for the row that is
-- leaving. Whoever refreshes the dashboards adds up the rows of an org, and removes those of orgs that are gone.
--
-- The API's numbers end at 2^53: an org reaches that with some nine million departures of rows in a database that has seen a
-- billion changes.
create table org_departures (
  org_id   bigint not null,
  versions bigint not null
);
create index org_departures_org on org_departures (org_id);

-- For any table with "org_id", "id" and "version". Costs a writer no right: it need not be able to write the departures.
create function tiercel_note_departures() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  if tg_op = 'TRUNCATE' then
    execute format('insert into org_departures select org_id, sum(version) + 1 from %s group by org_id', tg_relid::regclass);
  elsif tg_op = 'DELETE' then
    insert into org_departures select org_id, sum(version) + 1 from old_rows group by org_id;
  else
    -- Rows that changed in their place have raised the sum of their org by themselves; rows that moved have not.
    insert into org_departures
    select org_id, sum(version) + 1 from (
      (select org_id, id, version from old_rows except select org_id, id, version from new_rows) union all
      (select org_id, id, -version from new_rows except select org_id, id, -version from old_rows)
    ) changed
    group by org_id having sum(version) >= 0;
  end if;
  return null;
end
$$;

create trigger products_departed after delete on products referencing old table as old_rows
  for each statement execute function tiercel_note_departures();
create trigger products_moved after update on products referencing old table as old_rows new table as new_rows
  for each statement execute function tiercel_note_departures();
create trigger products_truncated before truncate on products
  for each statement execute function tiercel_note_departures();
create trigger boms_departed after delete on boms referencing old table as old_rows
  for each statement execute function tiercel_note_departures();
create trigger boms_moved after update on boms referencing old table as old_rows new table as new_rows
  for each statement execute function tiercel_note_departures();
create trigger boms_truncated before truncate on boms
  for each statement execute function tiercel_note_departures();
create trigger license_plates_departed after delete on license_plates referencing old table as old_rows
  for each statement execute function tiercel_note_departures();
create trigger license_plates_moved after update on license_plates referencing old table as old_rows new table as new_rows
  for each statement execute function tiercel_note_departures();
create trigger license_plates_truncated before truncate on license_plates
  for each statement execute function tiercel_note_departures();

alter table products enable always trigger products_departed;
alter table products enable always trigger products_moved;
alter table products enable always trigger products_truncated;
alter table boms enable always trigger boms_departed;
alter table boms enable always trigger boms_moved;
alter table boms enable always trigger boms_truncated;
alter table license_plates enable always trigger license_plates_departed;
alter table license_plates enable always trigger license_plates_moved;
alter table license_plates enable always trigger license_plates_truncated;

-- One row an org, each made by itself: asked for one org, this reads the rows of that org and no others. What has been
-- consumed or shipped is not on hand.
create view org_aggregates as
select orgs.id as org_id, product.products, bom.boms,
       plate.available, plate.reserved, plate.consumed, plate.shipped, plate.blocked,
       plate.quantity_on_hand, plate.inventory_value,
       (product.versions + bom.versions + plate.versions + departed.versions)::bigint as version
from orgs
cross join lateral (
  select count(*) as products, coalesce(sum(version), 0) as versions from products where org_id = orgs.id
) product
cross join lateral (
  select count(*) as boms, coalesce(sum(version), 0) as versions from boms where org_id = orgs.id
) bom
cross join lateral (
  select count(*) filter (where status = 'available') as available,
         count(*) filter (where status = 'reserved') as reserved,
         count(*) filter (where status = 'consumed') as consumed,
         count(*) filter (where status = 'shipped') as shipped,
         count(*) filter (where status = 'blocked') as blocked,
         coalesce(sum(quantity) filter (where status not in ('consumed', 'shipped')), 0) as quantity_on_hand,
         round(coalesce(sum(quantity * price) filter (where status not in ('consumed', 'shipped')), 0), 2) as inventory_value,
         coalesce(sum(license_plates.version), 0) as versions
  from license_plates
  -- Left: a replica may have a license plate before its product.
  left join products on products.id = license_plates.product_id and products.org_id = license_plates.org_id
  where license_plates.org_id = orgs.id
) plate
cross join lateral (
  select coalesce(sum(versions), 0) as versions from org_departures where org_id = orgs.id
) departed;

create materialized view org_dashboards as select * from org_aggregates;
-- What REFRESH … CONCURRENTLY tells rows apart by, and what finds the row of an org.
create unique index org_dashboards_org on org_dashboards (org_id);

-- Which transactions the rows of org_dashboards have seen, and when that was. Null before the first refresh: this migration
-- cannot say, because it sees a little more with each of its statements.
create table org_dashboards_refresh (
  only_row     boolean primary key default true check (only_row),
  -- The numbers of transactions mean nothing in another cluster, and a dump takes this row along.
  cluster      bigint,
  snapshot     pg_snapshot,
  refreshed_at timestamptz
);
insert into org_dashboards_refresh default values;

select set_config('search_path', current_setting('tiercel.search_path'), true);
