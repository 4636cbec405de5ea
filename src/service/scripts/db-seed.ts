import { migrate } from '../../catalog/migrate.ts';
import { seed } from '../../catalog/seed.ts';
import { runScript } from './run-script.ts';

await runScript({
  usage: `Usage: bun run db:seed

Migrates the database of DATABASE_URL and fills in the sample catalog: 10 orgs, 1,000 products, 500 BOMs with items,
2,000 license plates, 50 users with permissions. Rows that are there stay as they are, so it is safe to run twice.`,
  options: {},
  run: async (sql) => {
    await migrate(sql, { log: console.log });
    await seed(sql, { log: console.log });
  },
});
