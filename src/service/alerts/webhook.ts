import type { Notice } from './alert.ts';

/** What a receiver has to say of a notice. */
export interface ReceiverAnswer {
  readonly status: number;
  /** The header of that name. */
  readonly retryAfter: string | null;
}

/** Hands a notice to a receiver. Rejects when that cannot be reached, or the signal is aborted. */
export type Post = (notice: Notice, signal: AbortSignal) => Promise<ReceiverAnswer>;

/**
 * Posts notices as JSON to a URL, which is a secret. Slack's incoming webhooks, and what imitates them, show `text`.
 *
 * A redirect is not followed: where alerts go is the operator's decision, not the receiver's. Of the answer only the head
 * is read.
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
