import { describe, expect, test } from 'bun:test';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import { otelTracer } from '../../../src/telemetry/tracer.ts';

describe('the tracer without an SDK', () => {
  const tracer = otelTracer('catalog');
  const elsewhere: SpanContext = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: TraceFlags.SAMPLED };

  test('hands the result of a step through', async () => {
    expect(
      await tracer.trace('step', {}, () => Promise.resolve(7), { links: [undefined, elsewhere], root: true }),
    ).toBe(7);
  });

  test('hands the very error of a step through', async () => {
    const error = new Error('no such table');
    const failing = tracer.trace('step', {}, () => Promise.reject(error));
    expect(await failing.catch((caught: unknown) => caught)).toBe(error);
  });

  test('turns a step that throws at once into a rejection', async () => {
    const error = new Error('at once');
    const failing = tracer.trace('step', {}, () => {
      throw error;
    });
    expect(await failing.catch((caught: unknown) => caught)).toBe(error);
  });

  test('takes everything that a step may say about its span', async () => {
    await tracer.trace('step', { 'cache.tier': 'l1' }, async (span) => {
      span.set({ 'cache.hit': true });
      span.link(undefined);
      span.link(span.ref);
      span.fail('a thrown string');
    });
    tracer.tag({ 'cache.hit': true });
  });

  test('knows no active span', () => {
    expect(tracer.current()).toBeUndefined();
  });
});
