import { until } from '../support/wait.ts';
import { Ages } from './ages.ts';
import { isWell } from './client.ts';
import { type OutageLoad, readProductBy, startReaders, type Writer } from './outage-load.ts';
import type { RelayFleet, RelayMember } from './relay-fleet.ts';

/** How long Redis is away, and how much is written meanwhile. */
export interface OutagePlan {
  readonly awayMs: number;
  readonly writes: number;
  readonly seed: number;
}

/** What came of it. */
export interface OutageReport {
  readonly ages: Ages;
  /** Of the products that nobody has changed, how many the first reader afterwards found in Redis. */
  readonly warm: number;
  readonly untouched: number;
  /** From Redis' return until the last instance used it again, in milliseconds. */
  readonly usedAfterMs: number;
}

/** Written while all is well, after Redis has saved. */
const TOLD_WRITES = 30;
/** Products that nobody changes, nor reads before Redis is back. */
const UNTOUCHED = Array.from({ length: 20 }, (_, index) => 61 + index);
/** Long enough for the fresh generation that does without a relay. */
const RECOVERY_MS = 20_000;
/** I4, beside D. */
const QUIET_MS = 1_000;
/** How long the second instance stays away when the first is back. */
const APART_MS = 2_000;

/** What happens to Redis. It begins and ends within the call, during which `load` can be used to write. */
type Outage = (fleet: RelayFleet, plan: OutagePlan, load: OutageLoad, ages: Ages) => Promise<void>;

export const OUTAGES = {
  'killed, and back with what it had saved before': killed,
  'out of reach for all': outOfReach,
  'out of reach for all, and back for one of them first': backForOneFirst,
} as const satisfies Readonly<Record<string, Outage>>;

export type OutageName = keyof typeof OUTAGES;

/** Lets Redis go away and come back while everybody reads and writes. */
export async function runOutage(fleet: RelayFleet, name: OutageName, plan: OutagePlan): Promise<OutageReport> {
  const { members, admin } = fleet;
  const ages = new Ages(fleet.maxLagMs);
  await untilWell(members);
  const [first] = members;
  if (first === undefined) throw new Error('there is nobody to read by');
  for (const product of UNTOUCHED) await readProductBy(first, product, ages);
  await admin.save();
  const load = startReaders(fleet, ages, plan.seed);
  await load.write(TOLD_WRITES, 500, members);
  await OUTAGES[name](fleet, plan, load, ages);
  const backAt = performance.now();
  await untilWell(members);
  const usedAfterMs = performance.now() - backAt;
  const found = [];
  for (const product of UNTOUCHED) found.push((await readProductBy(first, product, ages)).tier);
  await load.write(TOLD_WRITES, 500, [...members, 'psql']);
  await load.stop();
  await checkConvergence(fleet, ages);
  return { ages, warm: found.filter((tier) => tier === 'l2').length, untouched: UNTOUCHED.length, usedAfterMs };
}

async function killed({ members, redis }: RelayFleet, plan: OutagePlan, load: OutageLoad): Promise<void> {
  await redis.kill();
  await load.write(plan.writes, plan.awayMs, [...members, 'psql']);
  await redis.restart({ keepData: true });
}

async function outOfReach({ members }: RelayFleet, plan: OutagePlan, load: OutageLoad): Promise<void> {
  const holes = members.map(({ link }) => link.impose({ hold: true }));
  await load.write(plan.writes, plan.awayMs, [...members, 'psql']);
  for (const hole of holes) hole.lift();
}

async function backForOneFirst({ members }: RelayFleet, plan: OutagePlan, load: OutageLoad, ages: Ages): Promise<void> {
  const [first, ...others] = members;
  if (first === undefined) throw new Error('there is nobody to be back first');
  const everybody: readonly Writer[] = [...members, 'psql'];
  const hole = first.link.impose({ hold: true });
  const holes = others.map(({ link }) => link.impose({ hold: true }));
  await load.write(plan.writes, plan.awayMs, everybody);
  const agree = ages.disagree();
  hole.lift();
  const apart = load.write(plan.writes, APART_MS, everybody);
  await untilWell([first]);
  await apart;
  for (const one of holes) one.lift();
  await untilWell(others);
  agree();
}

async function untilWell(members: readonly RelayMember[]): Promise<void> {
  const areWell = async (): Promise<boolean> => (await Promise.all(members.map(isWell))).every(Boolean);
  await until(areWell, { what: 'everybody to use Redis again', within: RECOVERY_MS, every: 20 });
}

/** I4: all serve what the database holds. */
async function checkConvergence({ members, psql, maxLagMs }: RelayFleet, ages: Ages): Promise<void> {
  const quietAt = performance.now() + QUIET_MS + maxLagMs;
  await until(() => performance.now() > quietAt, { what: 'the bound to be over', within: 10_000 });
  const truth = await psql<{ id: number; version: number }[]>`
    select id::int, version::int from products where id <= ${UNTOUCHED.at(-1) ?? 0}`;
  for (const member of members) {
    for (const { id, version } of truth) {
      const seen = await readProductBy(member, id, ages);
      if (seen.version !== version)
        ages.violations.push(`${member.name} serves product ${id} version ${seen.version}, which is ${version}`);
    }
  }
}
