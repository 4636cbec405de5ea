import { until } from '../../../src/testing/until.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

/** A proxy in front of PostgreSQL that can keep an answer back once the server has given it. */
export interface AnswerHolder extends AsyncDisposable {
  readonly proxy: TcpProxy;
  /** From now on no answer reaches a client. */
  hold(): HeldAnswers;
}

/** Answers that are kept back until {@link HeldAnswers.release}. */
export interface HeldAnswers {
  /** Waits until an answer that contains this text is among them. */
  contain(text: string): Promise<unknown>;
  /** Lets all of them go. Doing it again does nothing. */
  release(): void;
}

/** Starts the proxy in front of the server of this URL. */
export async function startAnswerHolder(target: string): Promise<AnswerHolder> {
  let kept = '';
  const proxy = await startProxy({
    target,
    onServerData(_, bytes) {
      kept += Buffer.from(bytes).toString('latin1');
    },
  });
  return {
    proxy,
    hold() {
      kept = '';
      const hold = proxy.impose({ hold: true }, { direction: 'toClient' });
      return {
        contain: (text) => until(() => kept.includes(text), { what: `an answer with ${text} to be held` }),
        release: () => hold.lift(),
      };
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}
