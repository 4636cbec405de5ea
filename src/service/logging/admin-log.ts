import type { InvalidateRequest, InvalidateResult } from '../../core/write/invalidate.ts';
import type { GroupOf } from '../key-groups.ts';
import type { Logger } from './logger.ts';

/** The most groups that one line names. */
const MAX_GROUPS = 10;

/** An action of the holder of the admin's token. */
export interface AdminAction {
  readonly action: 'invalidate' | 'flush' | 'inspect' | 'breaker' | 'warm';
  readonly counts: InvalidateResult;
  /**
   * The names of the request, if it had any. They have passed the cache's own rules, so they hold no control character.
   */
  readonly targets?: InvalidateRequest;
  /** The arguments of the action, or its outcome. */
  readonly details?: Readonly<Record<string, string | boolean>>;
}

/** Logs one action. */
export type LogAdminAction = (action: AdminAction) => void;

/** Makes the function that logs actions. Of the names in an action only the groups appear. */
export function adminLog(log: Logger, groupOf: GroupOf): LogAdminAction {
  return ({ action, counts, targets = {}, details }) => {
    const { keys = [], tags = [], pattern = [] } = targets;
    const groups = [...new Set([keys, tags, pattern].flat().map(groupOf))].slice(0, MAX_GROUPS);
    log.info({ event: 'admin_action', action, who: 'admin', counts, groups, ...details }, `Admin action: ${action}`);
  };
}
