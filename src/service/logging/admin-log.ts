import { groupOf } from '../../core/model/key.ts';
import type { InvalidateRequest, InvalidateResult } from '../../core/write/invalidate.ts';
import type { Logger } from './logger.ts';

/** Most groups that one line names. */
const MAX_GROUPS = 10;

/** Something that somebody did with the admin's token. */
export interface AdminAction {
  readonly action: 'invalidate' | 'flush' | 'inspect' | 'breaker' | 'warm';
  readonly counts: InvalidateResult;
  /** What was named, if anything was. Must have passed the cache's own rules: no control character gets this far. */
  readonly targets?: InvalidateRequest;
  /** How it was asked for, or what came of it. */
  readonly details?: Readonly<Record<string, string | boolean>>;
}

/** Writes one action into the log. What it named appears as its groups alone. */
export function logAdminAction(log: Logger, { action, counts, targets = {}, details }: AdminAction): void {
  const { keys = [], tags = [], pattern = [] } = targets;
  const groups = [...new Set([keys, tags, pattern].flat().map(groupOf))].slice(0, MAX_GROUPS);
  log.info({ event: 'admin_action', action, who: 'admin', counts, groups, ...details }, `Admin action: ${action}`);
}
