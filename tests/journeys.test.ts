import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { enteredFiles } from './support/documents/entered-files.ts';
import { codeSpans, linkTargets, sectionOf } from './support/documents/markdown.ts';
import type { ReadKind } from './support/documents/read-kinds.ts';
import { projectFiles, readProjectFile } from './support/sources.ts';
import { SERVERS_TIME_LIMIT_MS } from './support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const README = readProjectFile('README.md');
const JOURNEYS = sectionOf(readProjectFile('docs/README.md'), '## Five journeys');
const TITLES = ['An L1 hit', 'A miss', 'A PATCH and its peer', 'Redis restarts', 'Add a resource'];

/** A step of a read is in one of these rooms; all that it uses is in the others. The root assembles a cache as well. */
const isStep = (path: string): boolean =>
  /^src\/core\/(?:(?:read|refill)\/)?[\w-]+\.ts$/.test(path) && path !== 'src/core/create-cache.ts';

/** The files that an item of "Where to read it" links to. */
function mapOf(read: string): string[] {
  const [, item] =
    new RegExp(`^- \\*\\*${read}\\*\\*: ((?:.|\n  )+)`, 'm').exec(sectionOf(README, '## Where to read it')) ?? [];
  if (item === undefined) throw new Error(`README does not list the files of ${JSON.stringify(read)}`);
  return linkTargets(item);
}

const filesOf = (journey: string): string[] =>
  codeSpans(sectionOf(JOURNEYS, `### ${journey}`)).filter((span) => /^(?:src|tests)\//.test(span));

const steps = (paths: readonly string[]): string[] => [...new Set(paths.filter(isStep))].sort();

describe('the journeys of docs/README.md', () => {
  test('are five, each a numbered list whose every step names a file', () => {
    const titles = [...JOURNEYS.matchAll(/^### (.+)$/gm)].map(([, title]) => title);
    expect(titles).toEqual(TITLES);
    for (const title of TITLES) {
      const items = [...sectionOf(JOURNEYS, `### ${title}`).matchAll(/^\d+\. (.+)$/gm)].map(([, item = '']) => item);
      expect(items.length).toBeGreaterThan(5);
      expect(items.filter((item) => !/^`(?:src|tests)\/[\w/.-]+`/.test(item))).toEqual([]);
    }
  });

  test('name files that exist', () => {
    const files = projectFiles();
    expect(TITLES.flatMap(filesOf).filter((path) => !files.includes(path))).toEqual([]);
  });
});

describe('the files that a read enters', () => {
  const entered: Record<ReadKind, string[]> = { l1: [], l2: [], miss: [] };

  beforeAll(async () => {
    const [l1, l2, miss] = await Promise.all([enteredFiles('l1'), enteredFiles('l2'), enteredFiles('miss')]);
    Object.assign(entered, { l1: steps(l1), l2: steps(l2), miss: steps(miss) });
  });

  test('are those that README lists for a hit in L1', () => {
    expect(steps(mapOf('A hit in L1'))).toEqual(entered.l1);
  });

  test('are those that README lists for a hit in L2', () => {
    expect(steps(mapOf('A hit in L2'))).toEqual(entered.l2);
  });

  test('are those that README lists for a miss', () => {
    const paths = [...mapOf('A hit in L2'), ...mapOf('A miss')];
    expect(steps(paths)).toEqual(entered.miss);
  });

  test('are those of the journeys of a hit in L1 and of a miss', () => {
    expect(steps(filesOf('An L1 hit'))).toEqual(entered.l1);
    expect(steps(filesOf('A miss'))).toEqual(entered.miss);
  });
});
