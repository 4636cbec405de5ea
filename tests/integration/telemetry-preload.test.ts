import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Report {
  readonly recording: boolean;
  readonly registered: boolean;
  readonly sdkModules: number;
  readonly shutdownMs: number;
  /** From its start to its end, in milliseconds. */
  readonly lifetimeMs: number;
}

/** Runs the fixture under the preload with nothing but `env`; fails on anything on stderr. */
async function runFixture(env: Record<string, string>): Promise<Report> {
  const began = performance.now();
  const child = Bun.spawn(
    [process.execPath, '--preload', './otel/preload.ts', 'tests/integration/fixtures/one-span.ts'],
    {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
      stderr: 'pipe',
    },
  );
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  return { ...(JSON.parse(stdout) as Omit<Report, 'lifetimeMs'>), lifetimeMs: performance.now() - began };
}

describe('the preload', () => {
  test.each<[string, Record<string, string>]>([
    ['no endpoint is set', {}],
    ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['the SDK is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'TRUE' }],
  ])('loads nothing when %s', async (_, env) => {
    expect(await runFixture(env)).toMatchObject({ recording: false, registered: false, sdkModules: 0 });
  });

  describe('with a collector', () => {
    let collector: OtlpCollector;
    beforeEach(() => {
      collector = startOtlpCollector();
    });
    afterEach(() => collector.stop());

    const json = () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });

    test('sends spans under the default name and version of the service', async () => {
      const report = await runFixture(json());
      expect(report).toMatchObject({ recording: true, registered: true });
      expect(report.sdkModules).toBeGreaterThan(0);
      expect(collector.spans.map(({ name }) => name)).toEqual(['one span']);
      expect(collector.spans[0]?.resource).toMatchObject({
        'service.name': 'tiercel',
        'service.version': manifest.version,
      });
    });

    test('lets the environment name the service', async () => {
      await runFixture({ ...json(), OTEL_RESOURCE_ATTRIBUTES: 'service.name=orders,team=blue' });
      await runFixture({ ...json(), OTEL_SERVICE_NAME: 'stock', OTEL_RESOURCE_ATTRIBUTES: 'service.name=orders' });
      expect(collector.spans.map(({ resource }) => resource['service.name'])).toEqual(['orders', 'stock']);
      expect(collector.spans[0]?.resource).toMatchObject({ team: 'blue' });
    });

    test('speaks protobuf unless told otherwise', async () => {
      await runFixture({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
      const sent = collector.requests.find(({ path }) => path === '/v1/traces');
      expect(sent?.contentType).toBe('application/x-protobuf');
      expect(new TextDecoder().decode(sent?.body)).toContain('one span');
    });

    test('exports only the signals that have an endpoint', async () => {
      const env = {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
        OTEL_METRIC_EXPORT_INTERVAL: '60000',
      };
      await runFixture(env);
      expect(collector.requests.map(({ path }) => path)).toEqual(['/v1/traces']);
    });
  });

  describe('with a collector that is away', () => {
    test('a refusing one delays the end by no more than the deadline', async () => {
      const gone = startOtlpCollector();
      await gone.stop();
      const { recording, shutdownMs, lifetimeMs } = await runFixture({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url });
      expect(recording).toBe(true);
      expect(shutdownMs).toBeLessThan(2_500);
      expect(lifetimeMs).toBeLessThan(5_000);
    }, 20_000);

    test('a silent one delays the end by no more than the deadline', async () => {
      const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
      try {
        const { recording, shutdownMs, lifetimeMs } = await runFixture({
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}`,
        });
        expect(recording).toBe(true);
        expect(shutdownMs).toBeLessThan(2_500);
        expect(lifetimeMs).toBeLessThan(5_000);
      } finally {
        silent.stop(true);
      }
    }, 20_000);
  });
});
