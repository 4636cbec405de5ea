import { createHash } from 'node:crypto';

/** A Lua script, and the digest by which Redis knows it once it is loaded. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * Which commands a script may refuse:
 * - `allow-oom` runs on a server at its memory limit, where invalidations are needed most and leases must go back;
 * - `checked` is refused as a whole when the server is full, read-only or short of replicas, before it did anything;
 * - `unchecked` meets those refusals at its first command that writes, so it still reads on a full server.
 */
type Terms = 'allow-oom' | 'checked' | 'unchecked';

const SHEBANG: Record<Terms, string> = { 'allow-oom': '#!lua flags=allow-oom\n', checked: '#!lua\n', unchecked: '' };

/** Puts a script together from its parts. */
export function script(terms: Terms, ...parts: readonly string[]): Script {
  const lua = SHEBANG[terms] + parts.map((part) => part.trim()).join('\n');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
