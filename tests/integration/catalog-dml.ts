import fc from 'fast-check';

/** A transaction as some program might run it. */
export interface WrittenTransaction {
  /** Each in a savepoint of its own: one that breaks a rule of the schema is taken back, and the next one follows. */
  readonly statements: readonly string[];
  /** As a replica writes: triggers and foreign keys rest, except those that always fire. */
  readonly isReplica: boolean;
  readonly end: 'commit' | 'rollback';
}

/** Ids of orgs, one of which is not there at first. */
export const ORG_IDS = [1, 2, 3] as const;
/** Ids of everything else; some are not there at first. */
export const IDS = [1, 2, 3, 4, 5, 6] as const;

/** A small catalog to begin each run with. */
export const FIXTURE = `
  truncate orgs, products, boms, bom_items, license_plates, users, permissions, org_departures cascade;
  insert into orgs (id, name) values (1, 'One'), (2, 'Two');
  insert into products (id, org_id, sku, name, price) values
    (1, 1, 'a', 'A', 1), (2, 1, 'b', 'B', 2), (3, 1, 'c', 'C', 3), (4, 2, 'd', 'D', 4);
  insert into boms (id, org_id, product_id, name) values (1, 1, 1, 'A'), (2, 1, 2, 'B'), (3, 2, 4, 'D');
  insert into bom_items (bom_id, product_id, quantity) values (1, 2, 1), (1, 3, 2), (2, 3, 1), (3, 4, 1);
  insert into license_plates (id, org_id, product_id, quantity) values (1, 1, 1, 1), (2, 1, 2, 2), (3, 2, 4, 3);
  insert into users (id, org_id, name) values (1, 1, 'Ann'), (2, 1, 'Ben'), (3, 2, 'Cleo');
  insert into permissions values (1, 'read'), (1, 'write'), (2, 'read');
  delete from tiercel_outbox`;

/** `$org`, `$id`, `$n` and `$status` are chosen anew at each place. */
const ROW_STATEMENTS = [
  `insert into orgs (id, name) values ($org, 'New')`,
  `update orgs set name = name || 'x' where id = $org`,
  `update orgs set id = $org where id = $org`,
  `delete from orgs where id = $org`,
  `insert into products (id, org_id, sku, name, price) values ($id, $org, 'sku$n', 'New', $n)`,
  `insert into products (id, org_id, sku, name, price) values ($id, $org, 'sku$n', 'New', $n), ($id, $org, 'other', 'New', 1)
     on conflict (id) do update set price = excluded.price, org_id = excluded.org_id`,
  `update products set price = $n where id = $id`,
  `update products set name = 'n$n', unit = 'u$n' where id in ($id, $id)`,
  `update products set access_count = access_count + 1 where id = $id`,
  `update products set price = price where id = $id`,
  `update products set org_id = $org where id = $id`,
  `update products set id = $id where id = $id`,
  `update products set price = $n where org_id = $org`,
  `delete from products where id = $id`,
  `insert into boms (id, org_id, product_id, name) values ($id, $org, $id, 'New')`,
  `update boms set name = 'n$n' where id = $id`,
  `update boms set product_id = $id where id = $id`,
  `update boms set org_id = $org, product_id = $id where id = $id`,
  `update boms set access_count = access_count + 1`,
  `delete from boms where id = $id`,
  `insert into bom_items (bom_id, product_id, quantity) values ($id, $id, $n + 1)`,
  `update bom_items set quantity = $n + 1 where bom_id = $id`,
  `update bom_items set bom_id = $id where bom_id = $id`,
  `update bom_items set product_id = $id where product_id = $id`,
  `delete from bom_items where bom_id = $id`,
  `insert into license_plates (id, org_id, product_id, quantity) values ($id, $org, $id, $n)`,
  `update license_plates set status = '$status' where id = $id`,
  `update license_plates set quantity = $n, location = 'l$n' where id = $id`,
  `update license_plates set org_id = $org, product_id = $id where id = $id`,
  `merge into license_plates using (values ($id::bigint, $org::bigint, $id::bigint)) as given (id, org, product) on license_plates.id = given.id
     when matched and $n = 0 then delete
     when matched then update set quantity = $n
     when not matched then insert (id, org_id, product_id, quantity) values (given.id, org, product, $n)`,
  `delete from license_plates where id = $id`,
  `insert into users (id, org_id, name) values ($id, $org, 'New')`,
  `update users set name = 'n$n' where id = $id`,
  `update users set org_id = $org where id = $id`,
  `update users set id = $id where id = $id`,
  `update users set name = (select min(name) from users other where other.id <> users.id) where id in ($id, $id)`,
  `delete from users where id = $id`,
  `insert into permissions values ($id, 'p$n') on conflict do nothing`,
  `update permissions set user_id = $id where user_id = $id`,
  `update permissions set permission = 'p$n' where user_id = $id`,
  `delete from permissions where user_id = $id`,
  `with gone as (delete from license_plates where id = $id returning *)
     insert into license_plates (id, org_id, product_id, quantity) select $id, org_id, product_id, quantity from gone`,
];

const TRUNCATES = ['orgs', 'products', 'boms', 'bom_items', 'license_plates', 'users', 'permissions'].map(
  (table) => `truncate ${table} cascade`,
);

const STATUSES = ['available', 'reserved', 'consumed', 'shipped', 'blocked'];

/** Puts values into the places of a statement, in the order of the choices. */
function fill([text, choices]: readonly [string, readonly number[]]): string {
  let next = 0;
  const from = <T>(values: readonly T[]): T => {
    const value = values[(choices[next++ % choices.length] ?? 0) % values.length];
    if (value === undefined) throw new Error('there is nothing to choose from');
    return value;
  };
  return text.replaceAll(/\$(org|id|n|status)/g, (_, place: string) => {
    if (place === 'org') return String(from(ORG_IDS));
    if (place === 'id') return String(from(IDS));
    return place === 'n' ? String(from([0, 1, 2, 3])) : from(STATUSES);
  });
}

const statementOf = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...texts), fc.array(fc.nat(59), { minLength: 6, maxLength: 6 })).map(fill);

/** A statement that changes some rows. */
export const rowStatement = statementOf(ROW_STATEMENTS);

const anyStatement = fc.oneof(
  { weight: 20, arbitrary: rowStatement },
  { weight: 1, arbitrary: statementOf(TRUNCATES) },
);

/** Some transactions, one after the other. */
export const transactions: fc.Arbitrary<WrittenTransaction[]> = fc.array(
  fc.record({
    statements: fc.array(anyStatement, { minLength: 1, maxLength: 4 }),
    isReplica: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    end: fc.oneof(
      { weight: 5, arbitrary: fc.constant('commit' as const) },
      { weight: 1, arbitrary: fc.constant('rollback' as const) },
    ),
  }),
  { minLength: 1, maxLength: 6 },
);
