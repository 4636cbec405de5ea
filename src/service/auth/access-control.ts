import { createHash, timingSafeEqual } from 'node:crypto';
import { isTokenForm } from '../../catalog/tokens.ts';
import { absent, Problem } from '../http/problem.ts';
import type { RefusedAuth } from './refused-auth.ts';

/** What somebody may do: read or change data, watch the service, run it. */
export type Right = 'read' | 'write' | 'view' | 'administer';

/** Who asks. */
export interface Principal {
  /** The one org whose data it may see, or all of them. */
  readonly orgId: number | '*';
  readonly rights: ReadonlySet<Right>;
}

/** Finds the holder of an API token, at once if it is known; `null` when there is none, or not any more. */
export type FindHolder = (
  token: string,
  sha256: string,
  right: Right,
  request: Request,
) => Principal | null | Promise<Principal | null>;

/** What {@link Access} needs to know. */
export interface AccessOptions {
  /** Whether data routes ask for a token. */
  readonly auth: 'none' | 'token';
  readonly adminToken: string | undefined;
  readonly viewerToken: string | undefined;
  readonly findHolder: FindHolder;
  /** Counts, logs and slows down what is refused. */
  readonly refused: RefusedAuth;
}

const ADMIN: Principal = { orgId: '*', rights: new Set(['read', 'write', 'view', 'administer']) };

const VIEWER: Principal = { orgId: '*', rights: new Set(['read', 'view']) };

const EVERYONE: Principal = { orgId: '*', rights: new Set(['read', 'write']) };

/** The same for each token that is not good: the answer must not tell which it is. */
const UNKNOWN = 'The token is unknown, expired or revoked';

const BEARER = /^Bearer +([\w\-.~+/]+=*)$/i;

/** Who may do what. It decides before anything is read from a cache, so that no answer depends on what is warm. */
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
   * Who asks on a data route; everyone when the service runs without tokens. Not a promise where none is needed.
   * @param right What is asked for: a change needs a surer knowledge of the token than a read. {@link authorise} grants it.
   * @throws {@link Problem} 401; 429 for an address that had too many tokens refused; 503 while the token cannot be looked up.
   */
  authenticate(request: Request, right: 'read' | 'write'): Principal | Promise<Principal> {
    return this.#open ? EVERYONE : this.#identify(request, right);
  }

  /**
   * Lets a principal at an org's data.
   * @throws {@link Problem} 404 for another org, as if it were not there; 403 when only the right is missing.
   */
  authorise(principal: Principal, orgId: number | undefined, right: 'read' | 'write'): void {
    if (principal.orgId !== '*' && principal.orgId !== orgId) throw absent();
    assertRight(principal, right);
  }

  /**
   * Lets those who watch or run the service in. Closed to all, whatever `AUTH` says, while no such token is configured.
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
      // Hashes of equal length, compared in constant time: the timing tells nothing of the token.
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
