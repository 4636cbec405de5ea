import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { groupId, userId } from './launcher.ts';

/**
 * Makes a folder of its own under the system's temporary folder.
 *
 * @param owner The user who may write to it, when that is not the one who runs the tests.
 */
export function temporaryFolder(name: string, owner?: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tiercel-${name}-`));
  if (owner !== undefined) chownSync(folder, Number(userId(owner)), Number(groupId(owner)));
  return folder;
}

/** Removes a folder with all that it holds. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
