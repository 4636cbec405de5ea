import { expect, test } from 'bun:test';
import { PooledIds } from '../../../otel/ids.ts';

test('ids of traces and spans have their lengths, and no two are alike beyond what is drawn at once', () => {
  const ids = new PooledIds();
  const traces = Array.from({ length: 500 }, ids.generateTraceId);
  const spans = Array.from({ length: 500 }, ids.generateSpanId);
  for (const id of traces) expect(id).toMatch(/^[0-9a-f]{32}$/);
  for (const id of spans) expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set([...traces, ...spans]).size).toBe(1_000);
});

test('an id is never all zeros, which would mean none', () => {
  let draws = 0;
  const ids = new PooledIds((bytes) => {
    draws += 1;
    bytes.fill(draws === 1 ? 0 : 7);
  });
  expect(ids.generateTraceId()).toBe('07'.repeat(16));
});
