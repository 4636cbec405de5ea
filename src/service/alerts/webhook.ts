import type { Notice } from './alert.ts';

/** The answer of a receiver to a notice. */
export interface ReceiverAnswer {
  readonly status: number;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

/** Sends a notice to a receiver. Rejects when the receiver cannot be reached, or when the signal aborts. */
export type Post = (notice: Notice, signal: AbortSignal) => Promise<ReceiverAnswer>;

/**
 * Makes a function that posts notices as JSON to a URL, which is a secret. Slack's incoming webhooks, and services that
 * imitate them, show `text`.
 *
 * It follows no redirect: the operator decides where alerts go, not the receiver. It reads only the head of the answer.
 */
export function webhook(url: string): Post {
  return async (notice, signal) => {
    const { status, headers, body } = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'user-agent': 'tiercel' },
      body: JSON.stringify(notice),
      signal,
    });
    await body?.cancel();
    return { status, retryAfter: headers.get('retry-after') };
  };
}
