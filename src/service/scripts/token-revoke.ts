import { revokeToken } from '../../catalog/tokens.ts';
import { parseId } from './arguments.ts';
import { runScript } from './run-script.ts';

await runScript({
  usage: `Usage: bun run token:revoke <id>      (or --id <id>; ids as token:list shows them)

Ends an API token for good. Revoking it again changes nothing.`,
  options: { id: { type: 'string' } },
  allowPositionals: true,
  run: async (sql, { values, positionals }) => {
    const id = parseId(values.id ?? positionals[0] ?? '', '<id>');
    const token = await revokeToken(sql, id);
    if (token === null) throw new Error(`There is no token ${id}.`);
    console.log(`Token ${id} is revoked since ${token.revokedAt?.toISOString()}.`);
  },
});
