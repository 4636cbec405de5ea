import { until } from '../../src/testing/until.ts';
import { Ages } from './ages.ts';
import { isWell } from './client.ts';
import { ASLEEP, type OutageLoad, readProductBy, startLoad, UNTOUCHED, type Writer } from './outage-load.ts';
import type { RelayFleet, RelayMember } from './relay-fleet.ts';

/** How long Redis is away, and how much is written meanwhile. */
export interface OutagePlan {
  readonly awayMs: number;
  readonly writes: number;
  readonly seed: number;
  /** Between two reads of one client, at random up to this, in milliseconds. Default 10. */
  readonly readPauseMs?: number;
}

/** What came of it. */
export interface OutageReport {
  readonly ages: Ages;
  /** Of the products that nobody has changed, how many whoever asked first afterwards found in Redis. */
  readonly warm: number;
  readonly untouched: number;
  /** From Redis' return until the last instance used it again, in milliseconds. */
  readonly usedAfterMs: number;
}

/** A report in one line. */
export function describeOutage({ ages, warm, untouched, usedAfterMs }: OutageReport): string {
  const { readCount, reads, changes, untold, oldestMs } = ages;
  return (
    `${readCount} reads (l1 ${reads.l1}, l2 ${reads.l2}, source ${reads.source}), ${changes} changes (${untold} untold), ` +
    `stale for ${Math.round(oldestMs)} ms at most, in use again after ${Math.round(usedAfterMs)} ms, ` +
    `${warm} of ${untouched} untouched values from l2`
  );
}

/** Written while all is well, after Redis has saved. */
const TOLD_WRITES = 60;
const TOLD_MS = 500;
/** Long enough for the fresh generation that does without a relay. */
const RECOVERY_MS = 20_000;
/** I4, beside D. */
const QUIET_MS = 1_000;
/** How long the second instance stays away when the first is back. */
const APART_MS = 2_000;

/** A little longer than a heartbeat may take. */
const GIVEN_UP_MS = 300;

/** What happens, and what meanwhile. */
interface Scene {
  readonly fleet: RelayFleet;
  readonly plan: OutagePlan;
  readonly load: OutageLoad;
  readonly ages: Ages;
  readonly everybody: readonly Writer[];
}

/** What may happen to Redis. Each begins and ends within its call. */
export const OUTAGES = {
  'killed, and back with what it had saved before': killed,
  'out of reach for all': outOfReach,
  'out of reach for all, and back for one of them first': backForOneFirst,
} as const satisfies Readonly<Record<string, (scene: Scene) => Promise<void>>>;

export type OutageName = keyof typeof OUTAGES;

/** Lets Redis go away and come back while everybody reads and writes. */
export async function runOutage(fleet: RelayFleet, name: OutageName, plan: OutagePlan): Promise<OutageReport> {
  const { members, admin } = fleet;
  const [first] = members;
  if (first === undefined) throw new Error('there is nobody to read by');
  const ages = new Ages(fleet.maxLagMs);
  const everybody: readonly Writer[] = [...members, 'psql'];
  await untilWell(members);
  await forgetSample(fleet);
  for (const member of members)
    for (const product of [...ASLEEP, ...UNTOUCHED]) await readProductBy(member, product, ages);
  await admin.save();
  const load = startLoad(fleet, ages, plan);
  await load.write(TOLD_WRITES, TOLD_MS, members);
  await OUTAGES[name]({ fleet, plan, load, ages, everybody });
  const backAt = performance.now();
  load.wake(members);
  await untilWell(members);
  const usedAfterMs = performance.now() - backAt;
  const tiers: string[] = [];
  for (const product of UNTOUCHED) tiers.push((await readProductBy(first, product, ages)).tier);
  await load.write(TOLD_WRITES, TOLD_MS, everybody);
  await load.stop();
  await checkConvergence(fleet, ages);
  return { ages, warm: tiers.filter((tier) => tier === 'l2').length, untouched: UNTOUCHED.length, usedAfterMs };
}

async function killed({ fleet: { redis }, plan, load, everybody }: Scene): Promise<void> {
  await redis.kill();
  await load.write(plan.writes, plan.awayMs, everybody);
  await redis.restart({ keepData: true });
}

/** Whatever was sent meanwhile arrives late, and all of it at once. */
async function outOfReach({ fleet: { members }, plan, load, everybody }: Scene): Promise<void> {
  const holes = members.map(({ link }) => link.impose({ hold: true }));
  await load.write(plan.writes, plan.awayMs, everybody);
  await Promise.all(members.map(untilGivenUp));
  for (const hole of holes) hole.lift();
}

async function backForOneFirst({ fleet: { members }, plan, load, ages, everybody }: Scene): Promise<void> {
  const [first, ...others] = members;
  if (first === undefined) throw new Error('there is nobody to be back first');
  const hole = first.link.impose({ hold: true });
  const holes = others.map(({ link }) => link.impose({ hold: true }));
  await load.write(plan.writes, plan.awayMs, everybody);
  await untilGivenUp(first);
  const agree = ages.disagree();
  hole.lift();
  load.wake([first]);
  await Promise.all([load.write(plan.writes, APART_MS, everybody), untilWell([first])]);
  for (const one of holes) one.lift();
  await untilWell(others);
  agree();
}

/**
 * With the breaker open nothing is sent but the one heartbeat that tries whether Redis is back. The worst moment for it to
 * arrive is when it has just been given up: it is young enough to be taken for a proof, and the next one is far.
 */
async function untilGivenUp({ link }: RelayMember): Promise<void> {
  const sent = (): number => link.connections.reduce((sum, { toServer }) => sum + toServer.received, 0);
  const before = sent();
  await until(() => sent() > before, { what: 'a heartbeat to be tried', within: 10_000 });
  const triedAt = performance.now();
  await until(() => performance.now() - triedAt > GIVEN_UP_MS, { what: 'it to be given up' });
}

/** What the sample catalog is made of would be delivered once more and end everything; it is made older than the window. */
async function forgetSample({ psql }: RelayFleet): Promise<void> {
  const waiting = () => psql`select from tiercel_outbox where delivered_at is null`;
  await until(async () => (await waiting()).length === 0, { what: 'the sample catalog to be delivered' });
  await psql`update tiercel_outbox set delivered_at = delivered_at - interval '1 hour'`;
}

async function untilWell(members: readonly RelayMember[]): Promise<void> {
  const areWell = async (): Promise<boolean> => (await Promise.all(members.map(isWell))).every(Boolean);
  await until(areWell, { what: 'everybody to use Redis again', within: RECOVERY_MS, every: 50 });
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
