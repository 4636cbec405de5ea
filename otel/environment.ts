/** Tells for each signal of OpenTelemetry if the environment gives it an OTLP endpoint. */
export interface WantedExports {
  readonly traces: boolean;
  readonly metrics: boolean;
  readonly logs: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the variables that the OpenTelemetry specification names. It differs from the specification in one point, on
 * purpose. A signal without an endpoint is off, where the specification would try `localhost`.
 */
export function exportsWanted(environment: Environment): WantedExports {
  const isSet = (name: string): boolean => (environment[name] ?? '').trim() !== '';
  const disabled = environment.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true';
  const wants = (signal: string): boolean =>
    !disabled && (isSet('OTEL_EXPORTER_OTLP_ENDPOINT') || isSet(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`));
  return { traces: wants('TRACES'), metrics: wants('METRICS'), logs: wants('LOGS') };
}

/**
 * Puts the service's name and version before the attributes of `OTEL_RESOURCE_ATTRIBUTES`. A later attribute wins.
 * Names that the environment gives, there or in `OTEL_SERVICE_NAME`, therefore replace these two.
 */
export function resourceAttributes(environment: Environment, version: string): string {
  const given = environment.OTEL_RESOURCE_ATTRIBUTES?.trim() ?? '';
  const defaults = `service.name=tiercel,service.version=${version}`;
  return given === '' ? defaults : `${defaults},${given}`;
}
