import { randomBytes } from 'node:crypto';
import type { Config, StaticToken } from '../config/load-config.ts';
import type { Logger } from '../logging/logger.ts';

/** The admin's and the viewer's token. A kind that this service does not have is `undefined`. */
export interface OperatorTokens {
  readonly adminToken: string | undefined;
  readonly viewerToken: string | undefined;
  /** The tokens among them that the service generated. */
  readonly made: MadeTokens;
}

/** Tokens that the service generated for this run alone. */
export interface MadeTokens {
  readonly adminToken?: string | undefined;
  readonly viewerToken?: string | undefined;
}

const TOKEN_BYTES = 32;

/**
 * Returns the tokens that the configuration gives or asks the service to generate. Generated tokens are logged once, because
 * the operator has no other way to learn them. They end with the process.
 */
export function operatorTokens({ admin, viewer }: Config['auth'], log: Logger): OperatorTokens {
  const tokens = { adminToken: tokenOf(admin), viewerToken: tokenOf(viewer) };
  const made = {
    ...(admin.kind === 'generate' && { adminToken: tokens.adminToken }),
    ...(viewer.kind === 'generate' && { viewerToken: tokens.viewerToken }),
  };
  const message = 'Made tokens for statistics and administration. They are valid until this process ends';
  if (Object.keys(made).length > 0) log.info({ event: 'tokens_generated', ...made }, message);
  return { ...tokens, made };
}

function tokenOf(token: StaticToken): string | undefined {
  switch (token.kind) {
    case 'given':
      return token.value;
    case 'generate':
      return randomBytes(TOKEN_BYTES).toString('base64url');
    case 'off':
      return undefined;
  }
}
