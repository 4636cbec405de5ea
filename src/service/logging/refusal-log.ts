import type { Logger } from './logger.ts';
import { Throttle } from './throttle.ts';

/** Functions that log a request which was refused before a route saw it. */
export interface RefusalLog {
  readonly host: (host: string) => void;
  readonly overload: () => void;
}

/** The longest host name that the log shows, in characters. */
const MAX_HOST = 100;

/** Logs refused requests, once a second at most for each reason: a refusal can strike every request. */
export function refusalLog(log: Logger): RefusalLog {
  const throttle = new Throttle();
  const warn = (event: string, fields: object, message: string): void =>
    throttle.write(event, (suppressed) =>
      log.warn({ event, ...fields, ...(suppressed > 0 && { suppressed }) }, message),
    );
  return {
    host: (host) => {
      const fields = { host: host.slice(0, MAX_HOST), variable: 'ALLOWED_HOSTS' };
      warn('host_refused', fields, 'A request was refused: its host is not in ALLOWED_HOSTS');
    },
    overload: () => {
      warn('load_shed', { reason: 'MAX_REQUESTS' }, 'A request was refused: MAX_REQUESTS are being answered already');
    },
  };
}
