import { type ApiToken, listTokens } from '../../catalog/tokens.ts';
import { runScript } from './run-script.ts';

await runScript({
  usage: `Usage: bun run token:list

Lists every API token: id, org, role, when it was made, when it ends, whether it is revoked, label. The tokens themselves are not kept.`,
  options: {},
  run: async (sql) => {
    const rows = [
      ['ID', 'ORG', 'ROLE', 'CREATED', 'EXPIRES', 'REVOKED', 'LABEL'],
      ...(await listTokens(sql)).map(toRow),
    ];
    const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) {
      console.log(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      );
    }
  },
});

function toRow(token: ApiToken): string[] {
  return [
    String(token.id),
    String(token.orgId),
    token.role,
    token.createdAt.toISOString(),
    token.expiresAt?.toISOString() ?? '-',
    token.revokedAt?.toISOString() ?? '-',
    // Each token takes one line, even if its label holds line breaks.
    token.label.replaceAll(/\p{Cc}+/gu, ' '),
  ];
}
