-- The sample catalog. Plain arithmetic on ids instead of chance: every database gets the same rows.

insert into orgs (id, name)
select id, (array['Alder Foundry', 'Birch & Sons', 'Cedar Works', 'Dogwood Labs', 'Elm Street Cycles', 'Fir Robotics',
                  'Gorse Instruments', 'Hazel Audio', 'Ivy Lighting', 'Juniper Marine'])[id]
from generate_series(1, 10) id
on conflict do nothing;

insert into products (id, org_id, sku, name, price, unit)
select id, 1 + (id - 1) / 100, 'SKU-' || lpad(id::text, 5, '0'),
       (array['Brass', 'Steel', 'Oak', 'Nylon', 'Copper', 'Rubber', 'Ceramic'])[1 + id % 7] || ' ' ||
       (array['bolt', 'bracket', 'bearing', 'hinge', 'panel', 'spring', 'gasket', 'valve', 'cable', 'frame', 'lever'])[1 + id % 11],
       (50 + id * 7919 % 99950) / 100.0,
       (array['each', 'box', 'kg', 'm'])[1 + id % 4]
from generate_series(1, 1000) id
on conflict do nothing;

-- Fifty BOMs an org, of its first fifty products, each with 3 to 8 items from its other fifty.
with added as (
  insert into boms (id, org_id, product_id, name)
  select id, 1 + (id - 1) / 50, (id - 1) / 50 * 100 + 1 + (id - 1) % 50, 'Assembly ' || id
  from generate_series(1, 500) id
  on conflict do nothing
  returning id, org_id
)
insert into bom_items (bom_id, product_id, quantity, unit)
select added.id, product.id, 1 + (added.id + line) % 9, product.unit
from added
cross join lateral generate_series(0, 2 + added.id % 6) line
join products product on product.id = (added.org_id - 1) * 100 + 51 + (added.id + line * 7) % 50
order by added.id, line;

insert into license_plates (id, org_id, product_id, quantity, status, location)
select id, 1 + (id - 1) / 200, (id - 1) / 200 * 100 + 1 + (id - 1) % 100, 1 + id * 31 % 240,
       (array['available', 'available', 'available', 'reserved', 'consumed', 'shipped', 'blocked'])[1 + id % 7],
       'A' || lpad((1 + id % 24)::text, 2, '0') || '-' || lpad((1 + id % 40)::text, 2, '0')
from generate_series(1, 2000) id
on conflict do nothing;

with added as (
  insert into users (id, org_id, name)
  select id, 1 + (id - 1) / 5,
         (array['Ada', 'Ben', 'Chloe', 'Dev', 'Esme', 'Finn', 'Greta'])[1 + id % 7] || ' ' ||
         (array['Archer', 'Baker', 'Carter', 'Draper', 'Fletcher', 'Mason', 'Potter', 'Turner'])[1 + id % 8]
  from generate_series(1, 50) id
  on conflict do nothing
  returning id
)
-- The first user of an org may do everything, the second writes, the others read.
insert into permissions (user_id, permission)
select added.id, permission
from added
cross join unnest(array['products:read', 'boms:read', 'license-plates:read', 'products:write', 'boms:write',
                        'license-plates:write', 'users:admin']) with ordinality as granted (permission, rank)
where rank <= case (added.id - 1) % 5 when 0 then 7 when 1 then 6 else 3 end;
