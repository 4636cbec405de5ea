import { randomBytes } from 'node:crypto';
import type { Config, StaticToken } from '../config/load-config.ts';
import type { Logger } from '../logging/logger.ts';

/** Tokens that open routes by themselves; `undefined` for a kind that does not exist here. */
export interface OperatorTokens {
  readonly adminToken: string | undefined;
  readonly viewerToken: string | undefined;
  /** Those of them that were made up. */
  readonly made: MadeTokens;
}

/** Tokens that were made up for this run alone. */
export interface MadeTokens {
  readonly adminToken?: string | undefined;
  readonly viewerToken?: string | undefined;
}

const TOKEN_BYTES = 32;

/**
 * The tokens that the configuration gives, or asks to be made up. Those are logged once: nobody could know them
 * otherwise, and they end with the process.
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
