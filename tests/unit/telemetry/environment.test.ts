import { describe, expect, test } from 'bun:test';
import { exportsWanted, resourceAttributes } from '../../../otel/environment.ts';

describe('which signals are exported', () => {
  const none = { traces: false, metrics: false, logs: false };

  test.each<[string, Record<string, string>, Partial<typeof none>]>([
    ['nothing without an endpoint', {}, {}],
    ['nothing for an empty endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: '  ' }, {}],
    [
      'everything for the common endpoint',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c' },
      { traces: true, metrics: true, logs: true },
    ],
    ['traces for their own endpoint', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c' }, { traces: true }],
    ['metrics for their own endpoint', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c' }, { metrics: true }],
    ['nothing when disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: 'True' }, {}],
    [
      'not disabled by another word',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: '1' },
      { traces: true },
    ],
  ])('%s', (_, environment, expected) => {
    expect(exportsWanted(environment)).toEqual({ ...none, ...expected });
  });
});

describe('the resource', () => {
  test('names the service unless the environment does', () => {
    expect(resourceAttributes({}, '1.2.3')).toBe('service.name=tiercel,service.version=1.2.3');
    expect(resourceAttributes({ OTEL_RESOURCE_ATTRIBUTES: 'service.name=stock' }, '1.2.3')).toEndWith(
      ',service.name=stock',
    );
  });
});
