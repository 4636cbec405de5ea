import type { TierName } from '../../src/index.ts';
import { type Row, seenIn, type View } from './catalog.ts';
import type { Checker } from './checker.ts';
import type { Member } from './fleet.ts';

/** Longer than any fault lasts: who waits longer has been forgotten. */
const PATIENCE_MS = 15_000;

/** Reads a view by one member and has it judged. */
export async function readView({ name, service }: Member, view: View, checker: Checker): Promise<void> {
  const open = checker.begin();
  try {
    const answer = await service.fetch(view.name, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`was answered ${answer.status}: ${text}`);
    const rows = view.read(JSON.parse(text));
    checker.endRead(open, { instance: name, view: view.name, rows, ...provenanceOf(answer.headers) });
  } catch (error) {
    checker.fail(open, `GET ${view.name} by ${name}: ${messageOf(error)}`);
  }
}

/** Changes a row by one member and has that judged. */
export async function writeRow({ name, service }: Member, row: Row, checker: Checker): Promise<void> {
  const open = checker.beginWrite(row.name);
  try {
    const answer = await service.fetch(row.path, {
      method: row.method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(row.body(open.label)),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`was answered ${answer.status}: ${text}`);
    const pending = answer.headers.get('cache-status')?.includes('invalidation-pending') ?? false;
    checker.endWrite(open, { instance: name, pending, ...seenIn(row.name, JSON.parse(text)) });
  } catch (error) {
    checker.fail(open, `${row.method} ${row.path} by ${name}: ${messageOf(error)}`);
  }
}

/** Asks each member that owes Redis invalidations whether it still does. */
export async function watchDeliveries(members: readonly Member[], checker: Checker): Promise<void> {
  await Promise.all(
    members
      .filter(({ name }) => checker.owes(name))
      .map(async (member) => {
        const asked = performance.now();
        if (!(await owes(member))) checker.delivered(member.name, asked);
      }),
  );
}

/** Whether a member has both tiers in use and owes Redis nothing. */
export async function isWell(member: Member): Promise<boolean> {
  return (await healthOf(member)).overall === 'healthy';
}

/** Whether a member has invalidations that it could not tell Redis of yet. */
async function owes(member: Member): Promise<boolean> {
  const { keys, tags, patterns, all } = (await healthOf(member)).tiers.l2.pending;
  return all || keys + tags + patterns > 0;
}

interface Health {
  readonly overall: string;
  readonly tiers: {
    readonly l2: {
      readonly pending: {
        readonly keys: number;
        readonly tags: number;
        readonly patterns: number;
        readonly all: boolean;
      };
    };
  };
}

async function healthOf({ service, operator }: Member): Promise<Health> {
  const answer = await service.fetch('/api/v1/cache/health', { headers: operator });
  if (answer.status !== 200) throw new Error(`was answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Health;
}

/** Where an answer comes from. */
export function provenanceOf(headers: Headers): { tier: TierName; flagged: boolean; notInL2: boolean } {
  const tier = headers.get('x-cache-tier');
  const status = headers.get('cache-status') ?? '';
  if (tier !== 'l1' && tier !== 'l2' && tier !== 'source') throw new Error(`no tier is named but ${tier}`);
  return {
    tier,
    flagged: /ttl=-\d|fwd=stale; ttl=/.test(status),
    notInL2: tier === 'source' && !/tiercel-l2;[^,]*\bstored\b/.test(status),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
