/** Passes on what a process prints. */
export type Print = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

/** What one process prints: held back until it is released, and passed on as it comes from then on. */
export class Output {
  readonly #print: Print;
  #held: Parameters<Print>[] | undefined = [];

  constructor(print: Print) {
    this.#print = print;
  }

  /** Takes all that a stream brings, and returns it as a text when it ends. `onText` is told of each piece as it comes. */
  async take(
    stream: Parameters<Print>[0],
    source: ReadableStream<Uint8Array>,
    onText: (piece: string) => void = () => {},
  ): Promise<string> {
    const decoder = new TextDecoder();
    let all = '';
    for await (const bytes of source) {
      if (this.#held === undefined) this.#print(stream, bytes);
      else this.#held.push([stream, bytes]);
      const piece = decoder.decode(bytes, { stream: true });
      all += piece;
      onText(piece);
    }
    return all;
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const one of held) this.#print(...one);
  }
}
