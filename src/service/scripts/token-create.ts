import { createToken, type TokenRole } from '../../catalog/tokens.ts';
import { duration } from '../config/readers.ts';
import { parseId } from './arguments.ts';
import { runScript, UsageError } from './run-script.ts';

await runScript({
  usage: `Usage: bun run token:create --org <id> --role <reader|writer> [--expires <duration>] [--label <text>]

Makes an API token and prints it on stdout, once: only its SHA-256 is kept.
  --org      the org it belongs to; '*' (quoted) for every org
  --role     reader, or writer (who may read as well)
  --expires  how long it is good: 90d, 12h, 30m; without it until it is revoked
  --label    whose it is, for token:list`,
  options: {
    org: { type: 'string' },
    role: { type: 'string' },
    expires: { type: 'string' },
    label: { type: 'string' },
  },
  run: async (sql, { values }) => {
    const orgId = values.org === '*' ? '*' : parseId(values.org ?? '', '--org');
    const role = parseRole(values.role);
    const expiresInMs = values.expires === undefined ? undefined : parseLifetime(values.expires);
    const { token, record } = await createToken(sql, { orgId, role, label: values.label, expiresInMs });
    console.log(token);
    const end = record.expiresAt === null ? 'until it is revoked' : `until ${record.expiresAt.toISOString()}`;
    console.error(
      `Token ${record.id}: ${role} of ${orgId === '*' ? 'every org' : `org ${orgId}`}, good ${end}. It is not shown again.`,
    );
  },
});

function parseLifetime(text: string): number {
  const read = duration(text);
  // A bare number would be milliseconds, but an operator who writes 90 means days.
  if ('value' in read && read.value > 0 && /[a-z]$/.test(text)) return read.value;
  throw new UsageError(`--expires must be a duration like 90d, 12h or 30m; got ${JSON.stringify(text)}`);
}

function parseRole(text: string | undefined): TokenRole {
  if (text === 'reader' || text === 'writer') return text;
  throw new UsageError(`--role must be reader or writer; got ${JSON.stringify(text ?? '')}`);
}
