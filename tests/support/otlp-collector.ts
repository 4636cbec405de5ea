/** A span as a collector receives it. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** OTLP's number: 2 is an error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly scope: string;
}

/** One point of one metric. Counters and gauges have a `value`, histograms a `count` and a `sum`. */
export interface CollectedPoint {
  readonly metric: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number | undefined;
  readonly count: number | undefined;
  readonly sum: number | undefined;
}

export interface CollectedRequest {
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface OtlpCollector {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** Every request, of any encoding. */
  readonly requests: readonly CollectedRequest[];
  /** Of the requests in JSON, in the order of arrival. */
  readonly spans: readonly CollectedSpan[];
  readonly points: readonly CollectedPoint[];
  stop(): Promise<void>;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
}
type KeyValues = readonly { readonly key: string; readonly value: AnyValue }[];

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: KeyValues;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status?: { readonly code?: number };
}

interface OtlpPoint {
  readonly attributes?: KeyValues;
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
}

interface OtlpMetric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: readonly OtlpPoint[] };
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] };
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] };
}

interface OtlpBody {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: KeyValues };
    readonly scopeSpans: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  }[];
}

/** Receives OTLP over HTTP on a free local port and keeps what it is sent. */
export function startOtlpCollector(): OtlpCollector {
  const requests: CollectedRequest[] = [];
  const spans: CollectedSpan[] = [];
  const points: CollectedPoint[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const contentType = request.headers.get('content-type') ?? '';
      const body = new Uint8Array(await request.arrayBuffer());
      requests.push({ path: new URL(request.url).pathname, contentType, body });
      if (contentType.startsWith('application/json')) {
        const parsed = JSON.parse(new TextDecoder().decode(body)) as OtlpBody;
        spans.push(...spansOf(parsed));
        points.push(...pointsOf(parsed));
        return Response.json({});
      }
      // An empty message is the protobuf form of "everything accepted".
      return new Response(new Uint8Array(), { headers: { 'content-type': contentType } });
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, requests, spans, points, stop: () => server.stop(true) };
}

function spansOf(body: OtlpBody): CollectedSpan[] {
  return (body.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        attributes: toRecord(span.attributes),
        links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: span.status?.code ?? 0,
        resource: toRecord(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  );
}

function pointsOf(body: OtlpBody): CollectedPoint[] {
  const metrics = (body.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics),
  );
  return metrics.flatMap(({ name, sum, gauge, histogram }) =>
    ((sum ?? gauge ?? histogram)?.dataPoints ?? []).map((point) => ({
      metric: name,
      attributes: toRecord(point.attributes),
      value: toNumber(point.asDouble ?? point.asInt),
      count: toNumber(point.count),
      sum: toNumber(point.sum),
    })),
  );
}

/** JSON carries 64-bit integers as strings. */
function toNumber(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function toRecord(pairs: KeyValues = []): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? toNumber(value.intValue ?? value.doubleValue),
    ]),
  );
}
