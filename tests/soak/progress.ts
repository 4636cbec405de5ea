import type { Checker, Violation } from './checker.ts';
import type { Fleet } from './fleet.ts';
import { type Usage, usageOf } from './processes.ts';

const count = new Intl.NumberFormat('en');

/** Tells how a soak is going, and in the end how it went. */
export class Progress {
  readonly #fleet: Fleet;
  readonly #checker: Checker;
  readonly #say: (line: string) => void;
  #began = performance.now();
  #atStart: readonly Used[] = [];
  #faults = 0;
  #shown = 0;

  constructor(fleet: Fleet, checker: Checker, say: (line: string) => void) {
    this.#fleet = fleet;
    this.#checker = checker;
    this.#say = say;
  }

  /** From here on time and memory are counted. */
  start(): void {
    this.#began = performance.now();
    this.#atStart = used(this.#fleet);
  }

  /** A fault is over. */
  tell(fault: string): void {
    this.#faults += 1;
    const { readCount, violationCount } = this.#checker;
    const at = `${Math.round((performance.now() - this.#began) / 1_000)}`.padStart(4);
    const usage = used(this.#fleet).map(show).join(' · ');
    this.#say(`${at} s  ${fault.padEnd(40)} ${count.format(readCount)} reads, ${violationCount} violations · ${usage}`);
    this.#showViolations();
  }

  /** All of it. */
  summarise(): void {
    this.#showViolations();
    const { readCount, reads, flaggedReads, writes, pendingWrites, maxStalenessMs, violationCount } = this.#checker;
    const by = `l1 ${count.format(reads.l1)}, l2 ${count.format(reads.l2)}, source ${count.format(reads.source)}`;
    this.#say('');
    this.#say(`reads checked     ${count.format(readCount)} (${by}; ${count.format(flaggedReads)} flagged stale)`);
    this.#say(
      `writes            ${count.format(writes)} (${count.format(pendingWrites)} while Redis could not be told)`,
    );
    this.#say(`faults            ${this.#faults}`);
    this.#say(`staleness         at most ${Math.round(maxStalenessMs)} ms, ${this.#fleet.maxLagMs} ms allowed`);
    this.#say(`violations        ${violationCount}`);
  }

  /** Memory and descriptors of each process, at the start and now. */
  tellUsage(): void {
    for (const [index, now] of used(this.#fleet).entries()) {
      const before = this.#atStart[index];
      if (before !== undefined) this.#say(`${before.name.padEnd(18)}${amount(before.usage)} → ${amount(now.usage)}`);
    }
  }

  #showViolations(): void {
    const { violations } = this.#checker;
    for (const violation of violations.slice(this.#shown)) for (const line of linesOf(violation)) this.#say(line);
    this.#shown = violations.length;
  }
}

interface Used {
  readonly name: string;
  readonly usage: Usage | undefined;
}

function used({ members, redis }: Fleet): Used[] {
  const services = members.map(({ name, service }) => ({ name, usage: usageOf(service.pid) }));
  return [...services, { name: 'redis', usage: usageOf(redis.pid) }, { name: 'checker', usage: usageOf(process.pid) }];
}

function show({ name, usage }: Used): string {
  return `${name} ${amount(usage)}`;
}

function amount(usage: Usage | undefined): string {
  return usage === undefined ? '?' : `${Math.round(usage.megabytes)} MB ${usage.descriptors} fd`;
}

function linesOf({ invariant, message, excerpt }: Violation): string[] {
  return [`VIOLATION of ${invariant}: ${message}`, ...excerpt.map((line) => `    ${line}`)];
}
