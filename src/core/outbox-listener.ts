import type { OutboxListener } from './outbox.ts';
import type { Parts } from './parts.ts';
import type { Repeating } from './repeating.ts';

/** What news of an outbox mean to whoever looks into it. */
export function listenerOf({ emit }: Parts, looks: Repeating): OutboxListener {
  return {
    onChange: () => looks.wake(),
    onError: (error) =>
      emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true }),
  };
}
