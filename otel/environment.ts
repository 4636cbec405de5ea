/** Which signals the environment gives an OTLP endpoint. */
export interface WantedExports {
  readonly traces: boolean;
  readonly metrics: boolean;
  readonly logs: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads what the OpenTelemetry specification names. It differs from it in one thing, on purpose: without an endpoint a
 * signal is off, where the specification would try `localhost`.
 */
export function exportsWanted(environment: Environment): WantedExports {
  const isSet = (name: string): boolean => (environment[name] ?? '').trim() !== '';
  const disabled = environment.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
  const wants = (signal: string): boolean =>
    !disabled && (isSet('OTEL_EXPORTER_OTLP_ENDPOINT') || isSet(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`));
  return { traces: wants('TRACES'), metrics: wants('METRICS'), logs: wants('LOGS') };
}

/**
 * `OTEL_RESOURCE_ATTRIBUTES` with the service's name and version put first: whatever the environment says itself,
 * there or in `OTEL_SERVICE_NAME`, comes later and wins.
 */
export function resourceAttributes(environment: Environment, version: string): string {
  const given = environment.OTEL_RESOURCE_ATTRIBUTES?.trim() ?? '';
  const defaults = `service.name=tiercel,service.version=${version}`;
  return given === '' ? defaults : `${defaults},${given}`;
}
