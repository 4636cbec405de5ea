import { setDefaultTimeout } from 'bun:test';
import postgres, { type TransactionSql } from 'postgres';
import { MemoryOutbox, MemoryOutboxTable } from '../../src/adapters/memory/index.ts';
import { outbox, outboxSql, PostgresOutbox } from '../../src/adapters/postgres/index.ts';
import type { Targets } from '../../src/core/model/invalidation.ts';
import type { Outbox } from '../../src/core/ports/outbox.ts';
import { systemClock } from '../../src/core/primitives/clock.ts';
import { type OutboxHarness, outboxContract } from '../../src/testing/index.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { runContract } from './run-contract.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

runContract(
  'outbox: memory',
  outboxContract(async (): Promise<OutboxHarness> => {
    const table = new MemoryOutboxTable({ clock: systemClock });
    let made = 0;
    return {
      outbox: () => new MemoryOutbox(table, `process${++made}`),
      commit: async (targets) => void table.commit(targets),
      async commitClaimed(given, targets) {
        if (!(given instanceof MemoryOutbox)) throw new Error('Not of this harness');
        const ticket = given.draw();
        table.commit(targets, 'delete', ticket);
        return ticket;
      },
      async begin(targets) {
        const number = table.draw();
        return { commit: async () => void table.commit(targets, 'delete', undefined, number) };
      },
      async [Symbol.asyncDispose]() {},
    };
  }),
);

runContract('outbox: PostgreSQL', outboxContract(postgresHarness));

async function postgresHarness(): Promise<OutboxHarness> {
  const database = await createDatabase();
  const sql = postgres(database.url, { max: 10, onnotice: () => {} });
  await sql.begin((tx) => tx.unsafe(outboxSql([])));
  // As a trigger does it, for names that no table has.
  const add = (tx: TransactionSql, { ids, tags }: Targets) => tx`select tiercel_outbox_add(${[...ids]}, ${[...tags]})`;
  return {
    outbox: () => outbox(sql),
    commit: async (targets) => void (await sql.begin((tx) => add(tx, targets))),
    commitClaimed: (given: Outbox, targets) =>
      sql.begin(async (tx) => {
        if (!(given instanceof PostgresOutbox)) throw new Error('Not of this harness');
        const ticket = await given.claim(tx);
        await add(tx, targets);
        return ticket;
      }),
    begin(targets) {
      const { promise: told, resolve: tell } = Promise.withResolvers<void>();
      return new Promise((begun, failed) => {
        const committed = sql.begin(async (tx) => {
          await add(tx, targets);
          begun({
            commit: async () => {
              tell();
              await committed;
            },
          });
          await told;
        });
        committed.catch(failed);
      });
    },
    async [Symbol.asyncDispose]() {
      await sql.end();
      await database.drop();
    },
  };
}
