import { RemoteError } from '../../../core/ports/remote-tier.ts';

/** Digits of the run id that make an epoch: 64 bits, enough to tell any two runs apart. */
const EPOCH_DIGITS = 16;

const NEEDED = { Redis: [7, 0], Valkey: [7, 2] } as const;

/**
 * Reads the epoch out of `INFO server`.
 * @throws {@link RemoteError} `denied`, in one sentence naming what was found and what is needed, when the server is too
 *   old, hides its run id, or is no standalone server.
 */
export function epochOf(info: string): string {
  const fields = new Map(info.split('\r\n').map((line) => splitOnce(line)));
  const product = fields.has('valkey_version') ? 'Valkey' : 'Redis';
  const version = fields.get('valkey_version') ?? fields.get('redis_version') ?? 'unknown';
  if (!isAtLeast(version, NEEDED[product])) {
    throw refused(`The server is ${product} ${version}; Tiercel needs Redis 7.0 or Valkey 7.2, or newer`);
  }
  const mode = fields.get('redis_mode') ?? fields.get('server_mode') ?? 'standalone';
  if (mode !== 'standalone') throw refused(`The server runs in ${mode} mode; Tiercel needs a standalone server`);
  const runId = fields.get('run_id') ?? '';
  if (!/^[0-9a-f]{40}$/.test(runId)) {
    throw refused('The server does not tell its run id (a proxy hides it?); Tiercel needs it to notice restarts');
  }
  return runId.slice(0, EPOCH_DIGITS);
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [, foundMajor, foundMinor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (foundMajor === undefined) return false;
  return Number(foundMajor) > major || (Number(foundMajor) === major && Number(foundMinor) >= minor);
}

function splitOnce(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}

function refused(sentence: string): RemoteError {
  return new RemoteError('denied', sentence);
}
