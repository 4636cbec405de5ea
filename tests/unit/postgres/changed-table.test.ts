import { describe, expect, test } from 'bun:test';
import { type ChangedTable, OutboxDeclarationError, outboxSql } from '../../../src/adapters/postgres/index.ts';

const good: ChangedTable = { table: 'products', keys: ['product:{id}'], tags: ['org:{org_id}'], all: ['products'] };

function refusal(...tables: readonly ChangedTable[]): OutboxDeclarationError {
  try {
    outboxSql(tables);
  } catch (error) {
    if (error instanceof OutboxDeclarationError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a declaration from which no trigger can be made', () => {
  test.each<[string, ChangedTable, string]>([
    ['no name', { ...good, table: '' }, 'is neither a name nor a schema and a name'],
    ['three names', { ...good, table: 'a.b.c' }, 'is neither a name nor a schema and a name'],
    ['half a name', { ...good, table: 'shop.' }, 'is neither a name nor a schema and a name'],
    ['nothing to say', { table: 'products', all: ['products'] }, 'neither keys nor tags'],
    ['nothing to say, twice', { table: 'products', keys: [], tags: [], all: ['products'] }, 'neither keys nor tags'],
    ['nothing that covers all', { ...good, all: [] }, 'no tag in "all"'],
    ['an empty key', { ...good, keys: [''] }, 'is empty'],
    ['an empty tag', { ...good, tags: [''] }, 'is empty'],
    ['an empty tag for all', { ...good, all: [''] }, 'is empty'],
    ['a column without a name', { ...good, keys: ['product:{}'] }, 'braces of "product:{}"'],
    ['a brace that is not closed', { ...good, keys: ['product:{id'] }, 'braces of "product:{id"'],
    ['a brace that is not opened', { ...good, tags: ['id}'] }, 'braces of "id}"'],
    ['braces in braces', { ...good, tags: ['{a{b}c}'] }, 'braces of "{a{b}c}"'],
    ['a control character', { ...good, tags: ['a\nb'] }, 'control character'],
    ['half a surrogate pair', { ...good, tags: ['a\ud800'] }, 'well-formed'],
    ['a name that is too long', { ...good, keys: ['x'.repeat(1_025)] }, 'longer than 1024 bytes'],
    ['a tag for all that depends on a row', { ...good, all: ['products', 'org:{org_id}'] }, '"org:{org_id}" in "all"'],
    ['a column that is empty', { ...good, columns: [''] }, 'name of a column is empty'],
    ['columns and a query', { ...good, columns: ['id'], via: 'select id from changed' }, '"columns" and "via"'],
  ])('%s', (_, declared, problem) => {
    const error = refusal(declared);
    const { table } = declared;
    expect(error).toMatchObject({ name: 'OutboxDeclarationError', code: 'OUTBOX_DECLARATION', table });
    expect(error.message).toStartWith(`The outbox cannot watch ${JSON.stringify(table)}: `);
    expect(error.message).toContain(problem);
  });

  test('a table that is declared twice', () => {
    expect(refusal(good, { ...good, table: 'other' }, good)).toMatchObject({
      message: 'The outbox cannot watch "products": it is declared twice',
      table: 'products',
    });
  });
});

describe('a good declaration', () => {
  test.each<[string, ChangedTable]>([
    ['keys alone', { table: 'products', keys: ['product:{id}'], all: ['products'] }],
    ['tags alone', { table: 'products', tags: ['org:{org_id}'], all: ['products'] }],
    ['a name without a column', { ...good, keys: ['the-product'] }],
    ['a name that is only a column', { ...good, keys: ['{id}'] }],
    ['several columns', { ...good, keys: ['{a}{b}:{a}'] }],
    ['a schema', { ...good, table: 'shop.products' }],
    ['columns that matter', { ...good, columns: ['id', 'version'] }],
    ['a query', { ...good, via: 'select id, org_id from changed' }],
  ])('%s', (_, declared) => {
    expect(outboxSql([declared])).toContain('create trigger tiercel_outbox_update');
  });

  test('the same declarations give the same text: a migration’s checksum must not move', () => {
    expect(outboxSql([{ ...good }])).toBe(outboxSql([good]));
  });
});
