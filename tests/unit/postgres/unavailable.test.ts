import { expect, test } from 'bun:test';
import { isUnavailable } from '../../../src/adapters/postgres/index.ts';

const coded = (code: unknown) => Object.assign(new Error('from the client'), { code });

test.each([
  ['ECONNREFUSED'],
  ['EAI_AGAIN'],
  ['ENETUNREACH'],
  ['CONNECTION_CLOSED'],
  ['CONNECT_TIMEOUT'],
  ['08006'],
  ['53300'],
  ['57P01'],
  ['57P03'],
  ['57014'],
])('%s means that the database cannot answer', (code) => {
  expect(isUnavailable(coded(code))).toBe(true);
});

test.each([['23505'], ['42P01'], ['40001'], ['57000'], [57014], [undefined]])(
  '%p is an answer of a database that is well',
  (code) => {
    expect(isUnavailable(coded(code))).toBe(false);
  },
);

test.each([[undefined], [null], ['ECONNREFUSED'], [{ code: 'ECONNREFUSED' }]])('%p is no error', (given) => {
  expect(isUnavailable(given)).toBe(false);
});
