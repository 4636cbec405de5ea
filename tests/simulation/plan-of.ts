import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { FAULTS, type FaultName } from './faults.ts';
import { type How, KEYS, keyNamed } from './keys.ts';
import type { Fault, Operation, Plan, Policy, Setting, Step } from './plan.ts';

/** What a kind of run is made of; whatever is left out is drawn from the seed. */
export interface Mix {
  /** How many operations. Default 400. */
  readonly operations?: number;
  /** Which faults there may be; default some of all, others in each run. None: nothing fails but the timing. */
  readonly faults?: readonly FaultName[];
  /** Faults per operation. */
  readonly faultShare?: number;
  /** How long they last, in milliseconds. */
  readonly faultMs?: readonly [low: number, high: number];
  /** Writes per operation. */
  readonly writeShare?: number;
  /** Mean time between two operations, in milliseconds. */
  readonly gapMs?: number;
  readonly how?: readonly How[];
  /** Share of the writes that are somebody else's, where there is an outbox. Default 0.3. */
  readonly outsideShare?: number;
  /** Share of the sets that are ahead of their commit. Default 0.3. */
  readonly aheadShare?: number;
  /** Share of the other writes that triggers write down under the writer's ticket, where there is an outbox. Default 0.75. */
  readonly claimedShare?: number;
  readonly modes?: readonly ('delete' | 'expire')[];
  readonly reads?: readonly Operation['kind'][];
  readonly setting?: Partial<Omit<Setting, 'policies'>>;
  readonly policy?: Partial<Policy>;
  /** Whether many keys may be asked for in one call, in runs where they are alike. Default `false`; `true` where no mix is given. */
  readonly many?: boolean;
  /** Whether some callers have a shorter `hardTimeout` than others of the key. Default `false`; `true` where no mix is given. */
  readonly hurry?: boolean;
  /** Share of the reads whose loader skips its value. Default 0; 0.02 where no mix is given. */
  readonly skipShare?: number;
}

/** Long enough for every timer of the cache to meet it, short enough for a run to see its end. */
const FAULT_MS = [1, 3_000] as const;
/** Everybody has connected and is proven by then. */
const WARM_UP_MS = 1_000;
/** Tells the chance of {@link isAhead} from that of everything else. */
const AHEAD = 0x5e7a4ead;
/** The same for {@link LATER}. */
const LATER_FAULTS = 0x3a1e7f05;

/**
 * A random run. Each has its own few kinds of faults, its own pace and its own policies: many runs that differ find more
 * than one kind of run repeated (Groce et al., *Swarm Testing*, 2012).
 */
export function planOf(seed: number, mix: Mix = { many: true, hurry: true, skipShare: 0.02 }): Plan {
  const random = new SeededRandom(seed);
  // Of its own, so that the same seed means the same world with and without an outbox.
  const outboxRandom = new SeededRandom(~seed);
  const manyRandom = new SeededRandom(-seed);
  const hurryRandom = new SeededRandom(seed ^ 0x2545f491);
  const aheadRandom = new SeededRandom(seed ^ AHEAD);
  const versionRandom = new SeededRandom(~seed ^ 0x5eed);
  const skipRandom = new SeededRandom(seed ^ 0x736b6970);
  const setting = settingOf(random, mix, outboxRandom, manyRandom, versionRandom);
  const faults = mix.faults ?? someFaults(random, new SeededRandom(seed ^ LATER_FAULTS));
  const faultShare = mix.faultShare ?? random.pick([0.005, 0.02, 0.05]);
  const writeShare = mix.writeShare ?? random.pick([0.05, 0.15, 0.3]);
  // Bursts and lulls: operations meet in the one, timers run out in the other.
  const gapMs = mix.gapMs ?? random.pick([0.3, 2, 10]);
  const steps: Step[] = [];
  let at = WARM_UP_MS;
  for (let done = 0; done < (mix.operations ?? 400); done += 1) {
    at += random.chance(0.01) ? random.between(100, 2_000) : random.between(0, 2 * gapMs);
    const place = Math.floor(random.between(0, setting.instances));
    if (faults.length > 0 && random.chance(faultShare)) steps.push({ at, place, act: faultOf(random, faults, mix) });
    const key = random.pick(setting.keys);
    const act = random.chance(writeShare) ? writeOf(random, key, mix) : readOf(random, key, mix);
    const skipping = mix.skipShare === undefined ? act : withSkip(act, skipRandom, mix.skipShare);
    const hurried = mix.hurry === true ? withHurry(skipping, hurryRandom) : skipping;
    const together = setting.alike ? withMany(hurried, manyRandom) : hurried;
    const acts = setting.outbox ? withOutbox(together, outboxRandom, mix) : together;
    steps.push({ at, place, act: isAhead(acts, aheadRandom, mix) ? { ...acts, ahead: true } : acts });
  }
  return { seed, setting, steps };
}

function settingOf(
  random: SeededRandom,
  { setting, policy, many = false }: Mix,
  outboxRandom: SeededRandom,
  manyRandom: SeededRandom,
  versionRandom: SeededRandom,
): Setting {
  const some = KEYS.map(({ name }) => name).filter(() => random.chance(0.45));
  const keys = setting?.keys ?? (some.length > 0 ? some : ['k0']);
  const drawn = {
    instances: random.pick([2, 3, 3, 4]),
    sourceLatency: random.pick([
      [0.5, 12],
      [0.5, 12],
      [1, 120],
    ] as const),
    lateShare: random.pick([0, 0.01, 0.05]),
    skew: random.pick([0, 0.002]),
    outbox: outboxRandom.chance(0.6),
    settleMs: outboxRandom.fork().pick([0, 1_000]),
    alike: many && manyRandom.chance(0.5),
    versions: versionRandom.pick([1, 1, 2]),
  };
  const policyFor = (): Policy => ({ ...policyOf(random), ...policy });
  const shared = drawn.alike ? policyFor() : undefined;
  return {
    ...drawn,
    ...setting,
    keys,
    policies: Object.fromEntries(keys.map((key) => [key, shared ?? policyFor()])),
  };
}

function policyOf(random: SeededRandom): Policy {
  return {
    ttl: random.pick([400, 3_000, 20_000, 20_000]),
    l1Ttl: random.pick([150, 5_000, 5_000]),
    negativeTtl: random.pick([300, 5_000]),
    staleWhileRevalidate: random.pick([0, 0, 1_000]),
    staleIfError: random.pick([0, 0, 4_000]),
    refreshAhead: random.pick([false, false, 0.6] as const),
    softTimeout: random.pick([false, false, 20] as const),
    hardTimeout: random.pick([700, 2_500, 2_500]),
    lease: random.pick([250, 5_000]),
  };
}

/** Faults that came later than others draw from a source of their own, so that the seeds of before mean the same worlds. */
const LATER: ReadonlySet<FaultName> = new Set<FaultName>(['sweeps are refused']);

function someFaults(random: SeededRandom, laterRandom: SeededRandom): FaultName[] {
  const all = Object.keys(FAULTS) as FaultName[];
  return all.filter((name) => (LATER.has(name) ? laterRandom : random).chance(0.3));
}

function faultOf(random: SeededRandom, faults: readonly FaultName[], { faultMs: [low, high] = FAULT_MS }: Mix): Fault {
  // As many short ones as long ones: a fault of 5 ms meets other races than one of 3 s.
  const ms = Math.exp(random.between(Math.log(low), Math.log(high)));
  return { kind: 'fault', fault: random.pick(faults), ms, draw: random.next() };
}

function readOf(random: SeededRandom, key: string, { reads = READS }: Mix): Operation {
  const kind = random.pick(reads);
  if (kind === 'get' || kind === 'peek') return { kind, key };
  return {
    kind: 'read',
    key,
    naming: random.pick(['before', 'value', 'loader']),
    ...(random.chance(0.02) && { forceFresh: true as const }),
    ...(random.chance(0.03) && { patience: random.between(0, 40) }),
  };
}

const READS = [...Array<'read'>(14).fill('read'), 'get', 'peek'] as const;

function writeOf(random: SeededRandom, key: string, { how, modes }: Mix): Operation {
  if (keyNamed(key).writtenThrough && random.chance(0.7)) return { kind: 'set', key, versioned: random.chance(0.7) };
  return {
    kind: 'write',
    key,
    how: random.pick(how ?? HOW),
    mode: random.pick(modes ?? MODES),
    all: random.chance(0.5),
    claimed: false,
  };
}

/** Some of the writes are somebody else's, and of the others most are written down by triggers. */
function withOutbox(act: Operation, random: SeededRandom, { outsideShare = 0.3, claimedShare = 0.75 }: Mix): Operation {
  if (act.kind !== 'write') return act;
  return random.chance(outsideShare)
    ? { kind: 'outside', key: act.key }
    : { ...act, claimed: random.chance(claimedShare) };
}

/** Some of the sets are ahead of their commit. */
function isAhead(act: Operation, random: SeededRandom, { aheadShare = 0.3 }: Mix): act is Operation & { kind: 'set' } {
  return act.kind === 'set' && random.chance(aheadShare);
}

/** Some callers have little time: less than an answer of L2 may take, or than a load. */
function withHurry(act: Operation, random: SeededRandom): Operation {
  return act.kind === 'read' && random.chance(0.1) ? { ...act, hurry: random.between(5, 400) } : act;
}

/** Some loaders bring a value that is not to be stored. */
function withSkip(act: Operation, random: SeededRandom, share: number): Operation {
  return act.kind === 'read' && random.chance(share) ? { ...act, skips: true } : act;
}

/** Some of what is asked is asked of the whole namespace in one call. */
function withMany(act: Operation, random: SeededRandom): Operation {
  if (!random.chance(0.4)) return act;
  switch (act.kind) {
    case 'read':
      return { ...act, kind: 'readMany' };
    case 'get':
      return { ...act, kind: 'getMany' };
    case 'set':
      return { kind: 'setMany', key: act.key };
    case 'write':
      return { ...act, how: 'keys' };
    default:
      return act;
  }
}

const HOW = ['key', 'key', 'key', 'tag', 'tag', 'pattern', 'clear'] as const;
const MODES = ['delete', 'delete', 'expire'] as const;
