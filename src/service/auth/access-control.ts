import { createHash, timingSafeEqual } from 'node:crypto';
import { isTokenForm } from '../../catalog/tokens.ts';
import { absent, Problem } from '../http/problem.ts';
import type { RefusedAuth } from './refused-auth.ts';

/** A right of a principal: to read or change data, to watch the service, or to run it. */
export type Right = 'read' | 'write' | 'view' | 'administer';

/** The client behind a request, known by its token. */
export interface Principal {
  /** The one org whose data the client may see, or `*` for all of them. */
  readonly orgId: number | '*';
  readonly rights: ReadonlySet<Right>;
}

/**
 * Finds the holder of an API token. It answers at once for a known token, and `null` for one that does not exist or is no
 * longer valid.
 */
export type FindHolder = (
  token: string,
  sha256: string,
  right: Right,
  request: Request,
) => Principal | null | Promise<Principal | null>;

/** The collaborators of {@link Access}. */
export interface AccessOptions {
  /** `token` when data routes ask for a token, `none` when they are open. */
  readonly auth: 'none' | 'token';
  readonly adminToken: string | undefined;
  readonly viewerToken: string | undefined;
  readonly findHolder: FindHolder;
  /** Counts, logs and slows down the requests whose token is refused. */
  readonly refused: RefusedAuth;
}

const ADMIN: Principal = { orgId: '*', rights: new Set(['read', 'write', 'view', 'administer']) };

const VIEWER: Principal = { orgId: '*', rights: new Set(['read', 'view']) };

const EVERYONE: Principal = { orgId: '*', rights: new Set(['read', 'write']) };

/** Every bad token gets this text, so that the answer does not tell an unknown token from an expired or a revoked one. */
const UNKNOWN = 'The token is unknown, expired or revoked';

const BEARER = /^Bearer +([\w\-.~+/]+=*)$/i;

/**
 * Grants or refuses each request. It decides before the service reads from a cache, so no answer depends on which entries
 * are warm.
 */
export class Access {
  readonly #open: boolean;
  readonly #fixed: readonly (readonly [digest: Buffer, principal: Principal])[];
  readonly #findHolder: FindHolder;
  readonly #refused: RefusedAuth;

  constructor({ auth, adminToken, viewerToken, findHolder, refused }: AccessOptions) {
    this.#open = auth === 'none';
    this.#findHolder = findHolder;
    this.#refused = refused;
    const fixed: [Buffer, Principal][] = [];
    if (adminToken !== undefined) fixed.push([sha256(adminToken), ADMIN]);
    if (viewerToken !== undefined) fixed.push([sha256(viewerToken), VIEWER]);
    this.#fixed = fixed;
  }

  /**
   * Identifies the client on a data route. Without tokens (`AUTH=none`) each client may read and write. The result is a
   * promise only when the token must be looked up.
   * @param right The right that the request needs: a change needs surer knowledge of the token than a read. {@link
   *   authorise} grants it.
   * @throws {@link Problem} 401; 429 for an address that had too many tokens refused; 503 while the token cannot be looked
   *   up.
   */
  authenticate(request: Request, right: 'read' | 'write'): Principal | Promise<Principal> {
    return this.#open ? EVERYONE : this.#identify(request, right);
  }

  /**
   * Lets a principal at an org's data.
   * @throws {@link Problem} 404 for another org, as if it did not exist; 403 when only the right is missing.
   */
  authorise(principal: Principal, orgId: number | undefined, right: 'read' | 'write'): void {
    if (principal.orgId !== '*' && principal.orgId !== orgId) throw absent();
    assertRight(principal, right);
  }

  /**
   * Admits an operator. While no operator token with this right is configured, these routes refuse every client, whatever
   * `AUTH` says.
   * @throws {@link Problem} 401, 429 or 403
   */
  async authoriseOperator(request: Request, right: 'view' | 'administer'): Promise<void> {
    if (!this.#fixed.some(([, principal]) => principal.rights.has(right))) {
      throw new Problem(
        403,
        `This needs ${right === 'view' ? 'VIEWER_TOKEN or ADMIN_TOKEN' : 'ADMIN_TOKEN'}, which is not configured`,
      );
    }
    assertRight(await this.#identify(request, right), right);
  }

  #identify(request: Request, right: Right): Principal | Promise<Principal> {
    const given = request.headers.get('authorization');
    if (given === null) throw this.#refused.missing();
    const token = BEARER.exec(given)?.[1];
    if (token === undefined) throw this.#refused.malformed(request, 'A bearer token is needed');
    const digest = sha256(token);
    for (const [expected, principal] of this.#fixed) {
      // `timingSafeEqual` compares hashes of equal length in constant time, so the timing tells nothing of the token.
      if (timingSafeEqual(expected, digest)) return principal;
    }
    if (!isTokenForm(token)) throw this.#refused.malformed(request, UNKNOWN);
    const holder = this.#findHolder(token, digest.toString('hex'), right, request);
    return holder instanceof Promise
      ? holder.then((found) => this.#known(found, request))
      : this.#known(holder, request);
  }

  #known(holder: Principal | null, request: Request): Principal {
    if (holder === null) throw this.#refused.unknown(request, UNKNOWN);
    return holder;
  }
}

function assertRight(principal: Principal, right: Right): void {
  if (!principal.rights.has(right)) throw new Problem(403, `This token may not ${right}`);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
