import type { EntryId } from './key.ts';
import type { Parts } from './parts.ts';
import type { RemoteTier } from './ports.ts';
import type { TagRead } from './question.ts';
import type { Remote } from './remote.ts';
import { enter, type Generations } from './tags.ts';

/** Tags in one script call: a script holds up the whole server while it runs. */
const TAGS_PER_SCRIPT = 1_000;

/** Reads the generations of tags. What is asked for in one turn of the event loop is asked as one, each tag once. */
export function readTags(parts: Parts, remote: Remote, read: TagRead): void {
  const { tagReads } = parts;
  if (tagReads.push(read) === 1) remote.tier.beforeSending(() => send(parts, remote, tagReads.splice(0)));
}

function send(parts: Parts, remote: Remote, reads: readonly TagRead[]): void {
  for (const sameTerms of Map.groupBy(reads, ({ budgetMs }) => budgetMs).values())
    parts.background.track(askAsOne(remote, sameTerms));
}

async function askAsOne(remote: Remote, reads: readonly TagRead[]): Promise<void> {
  const tags = [...new Set(reads.flatMap((read) => read.tags))];
  const keepFor = Math.max(...reads.map((read) => read.keepFor));
  const operation = { name: 'tags', budgetMs: reads[0]?.budgetMs ?? 0, keys: reads.map(({ key }) => key) };
  const asked = await remote.ask(operation, (tier, { generation }) => generationsOf(tier, tags, generation, keepFor));
  for (const { onRead } of reads) onRead(asked);
}

/** The generations of tags in L2, asked for at once, however many scripts that takes. */
export async function generationsOf(
  tier: RemoteTier,
  tags: readonly EntryId[],
  generation: string,
  keepFor: number,
): Promise<Generations> {
  const generations: Generations = new Map();
  const readSome = async (some: readonly EntryId[]): Promise<void> =>
    enter(some, await tier.tagGenerations(some, generation, keepFor), generations);
  const reading: Promise<void>[] = [];
  for (let at = 0; at < tags.length; at += TAGS_PER_SCRIPT)
    reading.push(readSome(tags.slice(at, at + TAGS_PER_SCRIPT)));
  await Promise.all(reading);
  return generations;
}
