import { type Heartbeat, RemoteError } from '../../../core/ports/remote-tier.ts';

/** What a heartbeat record says; one of another form says nothing. */
export function lastOf(record: string | undefined): Heartbeat['last'] {
  const [, time, generation] = /^(\d+) (\S+)$/.exec(record ?? '') ?? [];
  return time === undefined || generation === undefined ? undefined : { time: Number(time), generation };
}

export function unexpected(operation: string, reply: unknown): RemoteError {
  return new RemoteError('error', `The ${operation} script answered ${JSON.stringify(reply)}`);
}
