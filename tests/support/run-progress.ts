/** Milliseconds between two lines that tell how far a long run is. */
const EVERY_MS = 20_000;

const FILE = /^tests\/\S+\.tsx?:$/;
const RESULT = /^\((?:pass|fail|skip|todo)\) /;

/** Counts what `bun test` prints, in however many processes, and tells every now and then how far that is. */
export class RunProgress {
  readonly #files: number;
  readonly #say: (line: string) => void;
  readonly #now: () => number;
  readonly #began: number;
  readonly #seen = new Set<string>();
  #tests = 0;
  #failed = 0;

  constructor(files: number, say: (line: string) => void, now: () => number = () => performance.now()) {
    this.#files = files;
    this.#say = say;
    this.#now = now;
    this.#began = now();
  }

  /** A reader of one process's output, which comes in pieces of any length. */
  reader(): (piece: string) => void {
    let rest = '';
    return (piece) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#read(Bun.stripANSI(line));
    };
  }

  /** One line: files begun, tests ended, time. */
  tell(): void {
    const seconds = Math.round((this.#now() - this.#began) / 1_000);
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    this.#say(`${this.#seen.size} of ${this.#files} files begun, ${this.#tests} tests done${failed}, ${seconds} s`);
  }

  /** Tells it from now on, until it is disposed of. */
  start(): Disposable {
    const timer = setInterval(() => this.tell(), EVERY_MS);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #read(line: string): void {
    if (FILE.test(line)) this.#seen.add(line);
    else if (RESULT.test(line)) {
      this.#tests += 1;
      if (line.startsWith('(fail)')) this.#failed += 1;
    }
  }
}
