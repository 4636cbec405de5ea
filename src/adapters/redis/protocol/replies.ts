import type { KnownTags, TagGeneration } from '../../../core/model/tags.ts';
import { type Agreement, type Heartbeat, RemoteError } from '../../../core/ports/remote-tier.ts';
import { stay } from './stored-record.ts';

interface BeatReply {
  readonly beat: Heartbeat;
  /** Those that have a place in the generation; none without one. */
  readonly shapes: string;
  /** Which record was broken and has begun anew; empty for none. */
  readonly mended: string;
}

/** Parses the answer of the heartbeat script. */
export function heartbeatOf(reply: unknown, shape: string): BeatReply {
  if (!Array.isArray(reply)) throw unexpected('heartbeat', reply);
  const [epoch, number, time, generation, last, wanted, marked, identity, term, shapes = '', mended = '', vouched] =
    reply.map((part) => (part === null ? undefined : String(part)));
  const beat = {
    epoch: String(epoch),
    sequence: Number(number),
    time: Number(time),
    generation,
    term: Number(term),
    hasPlace: shapes.split(',').includes(shape),
    last: lastOf(last),
    identity: String(identity),
    marksRequested: Number(wanted),
    marksCompleted: Number(marked),
    isVouchedFor: vouched === '1',
  };
  return { beat, shapes, mended };
}

/** Parses the answer of the `agree` script; `undefined` when it did nothing. */
export function agreementOf(reply: unknown): Agreement | undefined {
  if (reply === null) return undefined;
  if (!Array.isArray(reply)) throw unexpected('agree', reply);
  const [generation, term] = reply;
  return { generation: String(generation), term: Number(term) };
}

/** Parses the answer of the script of the tags. */
export function generationsOf(reply: unknown): readonly TagGeneration[] {
  if (!Array.isArray(reply)) throw unexpected('tagGenerations', reply);
  return reply.map((held) => {
    const [hard = '', soft = ''] = String(held).split(' ');
    return { hard, soft };
  });
}

/** What the script of the tags is told of those that the caller remembers. */
export function knownArguments(known: KnownTags | undefined): (string | number)[] {
  if (known === undefined) return [];
  const each = known.generations.flatMap((tag) =>
    tag === undefined ? ['', 1] : [`${tag.hard} ${tag.soft}`, stay(tag.keepFor)],
  );
  return [`${known.epoch}:${known.sequence}`, ...each];
}

/** Parses a heartbeat field; one of another form says nothing. */
function lastOf(record: string | undefined): Heartbeat['last'] {
  const [, time, generation] = /^(\d+) (\S+)/.exec(record ?? '') ?? [];
  return time === undefined || generation === undefined ? undefined : { time: Number(time), generation };
}

export function unexpected(operation: string, reply: unknown): RemoteError {
  return new RemoteError('error', `The ${operation} script answered ${JSON.stringify(reply)}`);
}
