/** Where on its way a call or a message is held. */
export type Stage =
  /** Before it takes effect at the server. */
  | 'request'
  /** After its effect, before its caller learns of it. */
  | 'reply'
  /** A message of the bus, or the news of a connection, before it arrives. */
  | 'message';

/** Holds what passes until it is released. Made by {@link Gates.hold}. */
export class Gate {
  readonly #held: (() => void)[] = [];
  #isOpen = false;

  /** How many wait here now. */
  get waiting(): number {
    return this.#held.length;
  }

  /** Lets everything go on, in the order in which it came; the gate stays open. */
  open(): void {
    this.#isOpen = true;
    for (const go of this.#held.splice(0)) go();
  }

  /** Takes something in, or lets it pass once open. */
  enter(go: () => void): void {
    if (this.#isOpen) go();
    else this.#held.push(go);
  }
}

/** The gates of one world. What no gate holds goes on at once. */
export class Gates {
  readonly #gates: { readonly stage: Stage; readonly names: (what: string) => boolean; readonly gate: Gate }[] = [];

  /**
   * Holds everything at that stage whose description holds `what`, from now on.
   * @param what Part of `<connection> <operation> <key>`; for a message, of its connection's name.
   */
  hold(stage: Stage, what: string): Gate {
    const gate = new Gate();
    this.#gates.push({ stage, names: (described) => described.includes(what), gate });
    return gate;
  }

  pass(stage: Stage, what: string, go: () => void): void {
    const found = this.#gates.find((each) => each.stage === stage && each.names(what));
    if (found === undefined) go();
    else found.gate.enter(go);
  }
}
