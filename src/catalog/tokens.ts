import { createHash, randomBytes } from 'node:crypto';
import { cancellable } from '../adapters/postgres/index.ts';
import { UnknownReferenceError } from './errors.ts';
import { type Queryable, sqlState } from './sql.ts';

/** The rights of a token in its org. A writer may read as well. */
export type TokenRole = 'reader' | 'writer';

/** A token as it is stored, without its secret. */
export interface ApiToken {
  readonly id: number;
  /** `*` for every org. */
  readonly orgId: number | '*';
  readonly role: TokenRole;
  readonly label: string;
  readonly createdAt: Date;
  /** The token is refused from this moment on. `null` if it does not end by itself. */
  readonly expiresAt: Date | null;
  /** `null` unless the token was revoked. */
  readonly revokedAt: Date | null;
}

/** A token to make. */
export interface NewToken {
  readonly orgId: number | '*';
  readonly role: TokenRole;
  /** Names the holder in `token:list`. Default empty. */
  readonly label?: string | undefined;
  /** Milliseconds after which the token ends by itself. Default: it does not. */
  readonly expiresInMs?: number | undefined;
}

/** The token has 256 random bits, so a slow hash or a salt would gain nothing. */
const TOKEN_BYTES = 32;
const TOKEN_FORM = /^tct_[A-Za-z0-9_-]{43}$/;

const columns = (sql: Queryable) => sql`
  id, coalesce(to_jsonb(org_id), '"*"') as "orgId", role, label, created_at as "createdAt", expires_at as "expiresAt",
  revoked_at as "revokedAt"`;

/**
 * Makes a token. It can be shown only now, since only its SHA-256 is stored.
 * @throws {@link UnknownReferenceError} when there is no such org.
 */
export async function createToken(
  sql: Queryable,
  { orgId, role, label = '', expiresInMs }: NewToken,
): Promise<{ readonly token: string; readonly record: ApiToken }> {
  const token = `tct_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  try {
    const [record] = await sql<[ApiToken]>`
      insert into api_tokens (token_sha256, org_id, role, label, expires_at)
      values (${sha256(token)}, ${orgId === '*' ? null : orgId}, ${role}, ${label},
        now() + ${expiresInMs ?? null}::float8 * interval '1 millisecond')
      returning ${columns(sql)}`;
    return { token, record };
  } catch (error) {
    if (orgId !== '*' && sqlState(error) === '23503') throw new UnknownReferenceError('org', [orgId]);
    throw error;
  }
}

/** Tells if a text could be a token. No other text needs to be looked up. */
export function isTokenForm(text: string): boolean {
  return TOKEN_FORM.test(text);
}

/**
 * Finds a token by its secret; `null` when it is unknown, revoked or expired.
 * The database finds it by its hash, so neither the answer nor its timing shows how much of a guess was right.
 */
export async function findToken(sql: Queryable, presented: string, signal?: AbortSignal): Promise<ApiToken | null> {
  if (!isTokenForm(presented)) return null;
  const [record] = await cancellable(
    sql<ApiToken[]>`
      select ${columns(sql)} from api_tokens
      where token_sha256 = ${sha256(presented)} and revoked_at is null and (expires_at is null or expires_at > now())`,
    signal,
  );
  return record ?? null;
}

/** Lists every token ever made, revoked ones included, in the order of their ids. */
export async function listTokens(sql: Queryable): Promise<ApiToken[]> {
  return [...(await sql<ApiToken[]>`select ${columns(sql)} from api_tokens order by id`)];
}

/** Revokes a token; `null` when there is none with that id. A second call keeps the time of the first. */
export async function revokeToken(sql: Queryable, id: number): Promise<ApiToken | null> {
  const [record] = await sql<ApiToken[]>`
    update api_tokens set revoked_at = coalesce(revoked_at, now()) where id = ${id} returning ${columns(sql)}`;
  return record ?? null;
}

function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
