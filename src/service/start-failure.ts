import { MigrationChangedError } from '../catalog/migrate.ts';
import { sqlState } from '../catalog/sql.ts';
import { InvalidOptionError } from '../core/model/errors.ts';
import type { Config } from './config/load-config.ts';
import { withoutSecrets } from './config/secrets.ts';
import { withoutCredentials } from './config/server-url.ts';
import { ListenError } from './http/server.ts';
import { isAway } from './wait-for-database.ts';

/** `EX_UNAVAILABLE` of sysexits.h: a server that is needed is away. */
export const EXIT_UNAVAILABLE = 69;

/** The reason of a failed start, for the operator. */
export interface StartFailure {
  /** One sentence that says what to do about it, without a secret. */
  readonly reason: string;
  readonly exitCode: number;
}

/** The service's own steps of the start throw this error. Its message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

type Part = Pick<Config, 'http' | 'database'>;

/** Translates an error of the start for the operator. */
export function startFailure(error: unknown, { http, database }: Part): StartFailure {
  if (error instanceof ListenError) return { reason: listenReason(error.cause, http), exitCode: 1 };
  return { reason: reasonOf(error, database), exitCode: isAway(error) ? EXIT_UNAVAILABLE : 1 };
}

function listenReason(error: unknown, { host, port }: Config['http']): string {
  const code = codeOf(error);
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is taken (${code}): end the program that listens there, or set PORT to another (0 takes a free one).`;
    case 'EACCES':
      return `This user may not listen on port ${port} of ${host} (${code}): set PORT to one above 1023.`;
    default:
      return `The service cannot listen on port ${port} of HOST=${host} (${code}): set HOST to an address of this machine, 127.0.0.1 or 0.0.0.0.`;
  }
}

function reasonOf(error: unknown, { url, waitMs }: Config['database']): string {
  const place = url === undefined ? 'the embedded database' : `the database ${withoutCredentials(url)}`;
  const code = codeOf(error);
  if (error instanceof StartError || error instanceof MigrationChangedError) return error.message;
  if (isAway(error)) {
    return `PostgreSQL does not answer: ${place} was tried for ${waitMs} ms (${code}); start it, correct DATABASE_URL, or raise DATABASE_WAIT_MS.`;
  }
  switch (code) {
    case '28P01':
    case '28000':
      return `PostgreSQL refuses the user or the password of ${place} (${code}): correct DATABASE_URL.`;
    case '3D000':
      return `PostgreSQL does not have ${place} (${code}): create it, or correct DATABASE_URL.`;
    case '42501':
      return `The user of DATABASE_URL may not set up ${place} (${code}): grant it the right to create tables, or run \`bun run db:migrate\` as one who has it and set MIGRATE=off.`;
    default:
      return url === undefined && !(error instanceof InvalidOptionError)
        ? `The service could not start with its embedded database: ${oneLine(error)}; set DATABASE_URL to a PostgreSQL, or see LOG_LEVEL=debug.`
        : `The service could not start: ${oneLine(error)}; LOG_LEVEL=debug shows where.`;
  }
}

function codeOf(error: unknown): string {
  const code = sqlState(error) ?? (error instanceof Error && 'code' in error ? String(error.code) : undefined);
  if (code !== undefined) return code;
  // A host name with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return oneLine(error);
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return withoutSecrets(text).replaceAll(/\s+/g, ' ').replace(/\.$/, '').slice(0, 300);
}
