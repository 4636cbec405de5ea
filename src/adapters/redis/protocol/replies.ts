import type { TagGeneration } from '../../../core/model/tags.ts';
import { type Heartbeat, RemoteError } from '../../../core/ports/remote-tier.ts';

/** What the heartbeat script answers. */
export function heartbeatOf(reply: unknown): Heartbeat {
  if (!Array.isArray(reply)) throw unexpected('heartbeat', reply);
  const [epoch, number, time, generation, last, wanted, marked, identity] = reply.map((part) =>
    part === null ? undefined : String(part),
  );
  return {
    epoch: String(epoch),
    sequence: Number(number),
    time: Number(time),
    generation,
    last: lastOf(last),
    identity: String(identity),
    wanted: Number(wanted),
    marked: Number(marked),
  };
}

/** What the script of the tags answers. */
export function generationsOf(reply: unknown): readonly TagGeneration[] {
  if (!Array.isArray(reply)) throw unexpected('tagGenerations', reply);
  return reply.map((held) => {
    const [hard = '', soft = ''] = String(held).split(' ');
    return { hard, soft };
  });
}

/** What a heartbeat field says; one of another form says nothing. */
function lastOf(record: string | undefined): Heartbeat['last'] {
  const [, time, generation] = /^(\d+) (\S+)/.exec(record ?? '') ?? [];
  return time === undefined || generation === undefined ? undefined : { time: Number(time), generation };
}

export function unexpected(operation: string, reply: unknown): RemoteError {
  return new RemoteError('error', `The ${operation} script answered ${JSON.stringify(reply)}`);
}
