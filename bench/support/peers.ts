import { join } from 'node:path';
import type { Contender } from './peer.ts';

/**
 * Every other cache in every configuration that is measured. Their packages are installed apart from Tiercel's own, in
 * `bench/peers/`: types and resolution end here, so that the project can be checked without them.
 *
 * @throws Error when they are not installed.
 */
export async function peers(): Promise<readonly Contender[]> {
  const folder = join(import.meta.dir, '../peers');
  const found: { contenders: readonly Contender[] } = await import(join(folder, 'index.ts'));
  return found.contenders;
}

/** Those of {@link peers} whose name is listed. @throws Error when one is not found. */
export async function peersNamed(...names: readonly string[]): Promise<readonly Contender[]> {
  const all = await peers();
  return names.map((name) => {
    const found = all.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no peer is named ${name}`);
    return found;
  });
}
