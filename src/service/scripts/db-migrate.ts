import { migrate } from '../../catalog/migrate.ts';
import { runScript } from './run-script.ts';

await runScript({
  usage: `Usage: bun run db:migrate

Applies the pending migrations to the database of DATABASE_URL. Safe to run twice, or from several places at once.`,
  options: {},
  run: async (sql) => {
    const applied = await migrate(sql, { log: console.log });
    if (applied.length === 0) console.log('nothing to migrate');
  },
});
