import { RemoteError } from '../../core/ports/remote-tier.ts';
import { MOST_SHAPES } from './protocol/keyspace.ts';

/** The shapes that have a place in the generation, as far as this instance has heard of them. */
export class KnownShapes {
  /** As the scripts have it: in one text, separated by commas. */
  #list = '';

  learn(list: string): void {
    this.#list = list;
  }

  /**
   * Sends an order for the records of every shape. The script refuses it when another shape has joined since this instance
   * last heard of them (race 39); then it is sent once more, for all of them.
   * @param send Runs a script that answers the shapes, in a list, when `list` is not what they are.
   */
  async order(send: (shapes: readonly string[], list: string) => Promise<unknown>): Promise<unknown> {
    for (let attempt = 0; attempt <= MOST_SHAPES; attempt += 1) {
      const list = this.#list;
      const reply = await send(list === '' ? [] : list.split(','), list);
      if (!Array.isArray(reply)) return reply;
      this.#list = String(reply[0]);
    }
    throw new RemoteError('unavailable', 'The versions that have records in Redis changed at every attempt');
  }
}
