import { createToken, type TokenRole } from '../../catalog/tokens.ts';
import { parseId } from './arguments.ts';
import { runScript, UsageError } from './run-script.ts';

await runScript({
  usage: `Usage: bun run token:create --org <id> --role <reader|writer> [--label <text>]

Makes an API token and prints it on stdout, once: only its SHA-256 is kept.
  --org    the org it belongs to; '*' (quoted) for every org
  --role   reader, or writer (who may read as well)
  --label  whose it is, for token:list`,
  options: { org: { type: 'string' }, role: { type: 'string' }, label: { type: 'string' } },
  run: async (sql, { values }) => {
    const orgId = values.org === '*' ? '*' : parseId(values.org ?? '', '--org');
    const role = parseRole(values.role);
    const { token, record } = await createToken(sql, { orgId, role, label: values.label });
    console.log(token);
    console.error(
      `Token ${record.id}: ${role} of ${orgId === '*' ? 'every org' : `org ${orgId}`}. It is not shown again.`,
    );
  },
});

function parseRole(text: string | undefined): TokenRole {
  if (text === 'reader' || text === 'writer') return text;
  throw new UsageError(`--role must be reader or writer; got ${JSON.stringify(text ?? '')}`);
}
