import { describe, expect, test } from 'bun:test';
import { dirname, join, normalize } from 'node:path';
import { HISTORY, keyspace } from '../src/adapters/redis/protocol/keyspace.ts';
import { SCRIPTS } from '../src/adapters/redis/protocol/scripts.ts';
import { HEADER } from '../src/adapters/redis/protocol/stored-record.ts';
import { toId } from '../src/core/model/key.ts';
import type { BreakerStateName } from '../src/core/primitives/circuit-breaker.ts';
import type { Demand } from '../src/core/sync/recovery.ts';
import { citationsOf, faultsOf } from './support/documents/citations.ts';
import { codeSpans, linkTargets, sectionOf, tableRows } from './support/documents/markdown.ts';
import { projectFiles, readProjectFile } from './support/sources.ts';

const files = projectFiles();
const documents = files.filter((path) => path.endsWith('.md') && !path.startsWith('bench/results/'));
const protocol = readProjectFile('docs/protocol.md');

/** The file that draws the states of the history in a comment. */
const DRAWING = 'src/core/sync/recovery.ts';

/** The compiler holds these to the types, so a state that is added there has to be added here and in the document. */
const BREAKER_STATES: Readonly<Record<BreakerStateName, true>> = {
  closed: true,
  open: true,
  'half-open': true,
  'forced-open': true,
  'forced-closed': true,
};
const DEMANDS: Readonly<Record<Demand['kind'], true>> = { away: true, due: true, mark: true, repair: true };

/** Files that "Add a resource" tells a reader to make. */
const TO_BE_MADE: readonly string[] = ['src/catalog/migrations/006-suppliers.sql', 'src/catalog/resources/supplier.ts'];

const inCode = (rows: readonly string[][], column: number): string[] => [
  ...new Set(rows.flatMap((row) => codeSpans(row[column] ?? ''))),
];

describe('the documents', () => {
  test('name files and folders of the project that exist', () => {
    const isThere = (path: string): boolean =>
      TO_BE_MADE.includes(path) ||
      files.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`));
    const missing = documents.flatMap((document) => {
      const text = readProjectFile(document);
      const named = codeSpans(text).filter((span) => /^(?:src|tests|docs|otel|bench|examples)\/[\w./-]+$/.test(span));
      const linked = linkTargets(text).map((target) => normalize(join(dirname(document), target)));
      return [...named, ...linked].filter((path) => !isThere(path)).map((path) => `${document} names ${path}`);
    });
    expect(missing).toEqual([]);
  });
});

describe('docs/protocol.md', () => {
  test('cites tests, weakenings, faults and contracts that exist', () => {
    const citations = citationsOf(protocol);
    expect(citations.length).toBeGreaterThan(50);
    expect(faultsOf(citations)).toEqual([]);
  });

  test('gives each race a number of its own, a scenario, a rule and a test', () => {
    const races = [...protocol.matchAll(/^### (\d+)\. /gm)].map(([, number]) => Number(number));
    expect(new Set(races).size).toBe(races.length);
    const parts = sectionOf(protocol, '## Races')
      .split(/^### (?=\d+\. )/m)
      .slice(1);
    const incomplete = parts.filter(
      (part) => !['Scenario: ', 'Rule: ', 'Test: '].every((name) => part.includes(`\n\n${name}`)),
    );
    expect(incomplete.map((part) => part.split('\n')[0])).toEqual([]);
  });

  test('has the nine invariants, each with its test', () => {
    const list = sectionOf(protocol, '## Invariants');
    const numbers = [...list.matchAll(/^- \*\*I(\d)/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('has every race that a comment or a test names by its number', () => {
    const races = new Set([...protocol.matchAll(/^### (\d+)\. /gm)].map(([, number]) => number));
    const unknown = files
      .filter((path) => /^(?:src|tests|bench)\/.*\.ts$/.test(path))
      .flatMap((path) =>
        [...readProjectFile(path).matchAll(/\braces? (\d+)(?: (?:and|to) (\d+))?/g)]
          .flatMap(([, one, other]) => [one, other])
          .filter((number) => number !== undefined && !races.has(number))
          .map((number) => `${path} names race ${number}`),
      );
    expect(unknown).toEqual([]);
  });

  test('has the states of the breaker and the tasks of the relay that the types have', () => {
    const states = tableRows(protocol, 'state', '### The breaker of L2');
    expect([...new Set([...inCode(states, 0), ...inCode(states, 2)])].sort()).toEqual(
      Object.keys(BREAKER_STATES).sort(),
    );
    const demands = tableRows(protocol, 'demand', "### The relay's task");
    expect(inCode(demands, 0).sort()).toEqual(Object.keys(DEMANDS).sort());
  });

  test('draws the transitions that its tables have', () => {
    for (const heading of ['### The breaker of L2', '### Heartbeat and recovery']) {
      const rows = tableRows(protocol, 'state', heading);
      const nextColumn = rows[0]?.length === 6 ? 3 : 2;
      const listed = rows.flatMap((row) => {
        const [next] = codeSpans(row[nextColumn] ?? '');
        const from = row[0] === 'any of these' ? ['closed', 'open', 'half-open'] : codeSpans(row[0] ?? '');
        return from.map((state) => `${state} → ${next}`);
      });
      const [, diagram = ''] = /```mermaid\n([\s\S]*?)```/.exec(sectionOf(protocol, heading)) ?? [];
      const names = new Map(
        [...diagram.matchAll(/state "(.+?)" as (\w+)/g)].map(([, name = '', id = '']) => [id, name]),
      );
      const nameOf = (id = ''): string => names.get(id) ?? id;
      const arrows = [...diagram.matchAll(/^ +(\w+) --> (\w+)/gm)];
      const drawn = arrows.map(([, from, to]) => `${nameOf(from)} → ${nameOf(to)}`);
      expect([...new Set(drawn)].sort()).toEqual([...new Set(listed)].sort());
    }
  });

  test('has the states that the source draws', () => {
    const [, drawing = ''] = /\/\*\n( \* The states of [\s\S]*?)\*\//.exec(readProjectFile(DRAWING)) ?? [];
    const states = inCode(tableRows(protocol, 'state', '### Heartbeat and recovery'), 0);
    expect(states.filter((state) => !drawing.includes(state))).toEqual([]);
  });

  test('names the keys and channels as the adapter does', () => {
    const keys = keyspace('ns', { version: '', format: 4 }, 3);
    const id = toId('org', 'k');
    const values = { 'ns.b': 'ns.0', shape: '2.4', generation: 'g', length: '3', inner: 'org', key: 'k', tag: 'k' };
    const others = { db: '3', instance: 'i' };
    const filled = inCode(tableRows(protocol, 'name'), 0).map((name) =>
      Object.entries({ ...values, ...others }).reduce(
        (text, [part, value]) => text.replaceAll(`<${part}>`, value).replaceAll(`{${part}}`, `{${value}}`),
        name,
      ),
    );
    expect(filled).toEqual([
      keys.entry(id, 'g'),
      keys.claim(id, 'g'),
      keys.tag(id, 'g'),
      keys.history,
      keys.sweep('g'),
      keys.bus,
      keys.echo('i'),
    ]);
  });

  test('places the fields of a record where the adapter does', () => {
    const places = tableRows(protocol, 'from').map(([from]) => Number(from));
    const { tokenAt, versionAt, storedAt, expiredAt, flagsAt, lengthAt, bytes } = HEADER;
    expect(places).toEqual([0, tokenAt, versionAt, storedAt, expiredAt, flagsAt, lengthAt, bytes - 1, bytes]);
  });

  test('lists the scripts, and the fields of a history, that the adapter has', () => {
    const steps = inCode(tableRows(protocol, 'step'), 1).filter((span) => /^[a-z]/.test(span));
    expect([...steps].sort()).toEqual(Object.keys(SCRIPTS).sort());
    expect(inCode(tableRows(protocol, 'field'), 0).sort()).toEqual(Object.values<string>(HISTORY).sort());
  });
});
