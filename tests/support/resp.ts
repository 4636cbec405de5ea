const CR = 0x0d;
const ARRAY = 0x2a;
const BULK = 0x24;

/**
 * Reads the commands out of what a Redis client sends, however the bytes are cut into chunks. Every client sends a
 * command as an array of bulk strings; the inline form of a terminal is read as well.
 */
export class RespRequests {
  #rest: Buffer = Buffer.alloc(0);

  /**
   * @returns The commands that became whole with these bytes, each as its words, decoded as UTF-8.
   * @throws Error when the bytes are not a request of the protocol.
   */
  feed(bytes: Uint8Array): string[][] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const commands: string[][] = [];
    for (;;) {
      const command = readCommand(this.#rest);
      if (command === undefined) return commands;
      this.#rest = this.#rest.subarray(command.end);
      if (command.words.length > 0) commands.push(command.words);
    }
  }
}

interface Command {
  readonly words: string[];
  readonly end: number;
}

function readCommand(bytes: Buffer): Command | undefined {
  const header = readLine(bytes, 0);
  if (header === undefined) return undefined;
  if (bytes[0] !== ARRAY) return { words: header.text.split(/\s+/).filter((word) => word !== ''), end: header.end };

  const words: string[] = [];
  let end = header.end;
  for (let left = count(header.text); left > 0; left--) {
    const length = readLine(bytes, end);
    if (length === undefined) return undefined;
    if (bytes[end] !== BULK)
      throw new Error(`expected a bulk string in a command, found ${JSON.stringify(length.text)}`);
    const start = length.end;
    const stop = start + count(length.text);
    end = stop + 2;
    if (bytes.length < end) return undefined;
    words.push(bytes.toString('utf8', start, stop));
  }
  return { words, end };
}

function readLine(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const stop = bytes.indexOf(CR, start);
  if (stop === -1 || stop + 1 >= bytes.length) return undefined;
  return { text: bytes.toString('latin1', start, stop), end: stop + 2 };
}

function count(header: string): number {
  const digits = header.slice(1);
  if (!/^\d+$/.test(digits)) throw new Error(`expected a length in a command, found ${JSON.stringify(header)}`);
  return Number(digits);
}
