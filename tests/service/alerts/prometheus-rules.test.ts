import { describe, expect, test } from 'bun:test';
import { parse } from 'yaml';
import { ALERT_RULES } from '../../../src/service/alerts/rules.ts';
import { ALERT_THRESHOLDS } from '../../../src/service/alerts/thresholds.ts';
import { METRIC } from '../../../src/telemetry/names.ts';
import { readProjectFile } from '../../support/sources.ts';

interface PrometheusRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: { readonly severity: string; readonly condition: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly PrometheusRule[] }[];
}

const file = parse(readProjectFile('otel/prometheus/alerts.yaml'), { uniqueKeys: true }) as RuleFile;
const rules = file.groups.flatMap((group) => group.rules);
const named = rules.map((rule): [string, PrometheusRule] => [rule.alert, rule]);
const exprOf = (condition: string) => rules.find(({ labels }) => labels.condition === condition)?.expr;

const KEYWORDS = new Set(['by', 'without', 'on', 'ignoring', 'and', 'or', 'unless', 'bool']);
/** What a histogram is scraped as. */
const SERIES = Object.values(METRIC).flatMap((name) =>
  name.endsWith('_duration_seconds') ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name],
);

/** The names in an expression that are no functions, labels, words of the language, durations or texts. */
function metricsIn(expr: string): string[] {
  const plain = expr
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, ' ');
  const names = [...plain.matchAll(/(?<![\w.])([a-z_]\w*)(?!\w)(\s*\()?/gi)];
  return names.flatMap(([, name = '', call]) => (call === undefined && !KEYWORDS.has(name) ? [name] : []));
}

describe('the rules for Prometheus', () => {
  test.each(named)('%s reads metrics that there are', (_, { expr }) => {
    const metrics = metricsIn(expr);
    expect(metrics).not.toEqual([]);
    expect(metrics.filter((name) => !SERIES.includes(name))).toEqual([]);
  });

  test('are read by something that knows a metric from the rest', () => {
    const expr = 'histogram_quantile(0.99, sum by (le) (rate(a_b{c="d"}[5m]))) > 1e3 unless on (e) max (f) > 0 and g';
    expect(metricsIn(expr)).toEqual(['a_b', 'f', 'g']);
  });

  test.each(named)('%s is one of the conditions that the service watches, as severe', (_, { labels }) => {
    const rule = ALERT_RULES.find(({ alert }) => alert === labels.condition);
    expect(rule?.severity).toBe(labels.severity as 'critical');
  });

  test('leave out only what no metric tells', () => {
    const conditions = rules.map(({ labels }) => labels.condition);
    expect(new Set(conditions).size).toBe(conditions.length);
    const others = ALERT_RULES.map(({ alert }) => alert as string).filter((alert) => !conditions.includes(alert));
    expect(others).toEqual(['redis_memory_high']);
  });

  test('have the bounds of the service', () => {
    const { hitRatio, latency, relayLag } = ALERT_THRESHOLDS;
    expect(exprOf('hit_ratio_low')).toContain(`< ${hitRatio.least}\n`);
    expect(exprOf('hit_ratio_low')).toContain(`>= ${hitRatio.minimumAnswers}\n`);
    expect(exprOf('latency_high')).toContain(`> ${latency.mostMs / 1_000}\n`);
    expect(exprOf('latency_high')).toContain(`>= ${latency.minimumAnswers}\n`);
    expect(exprOf('relay_late')).toEndWith(`> ${relayLag.mostMs / 1_000}`);
  });

  test.each(named)('%s has what Prometheus and people need', (name, rule) => {
    expect(name).toMatch(/^Tiercel[A-Z]\w+$/);
    for (const duration of [rule.for, rule.keep_firing_for]) expect(duration ?? '0s').toMatch(/^\d+[sm]$/);
    expect(rule.annotations.summary).not.toBe('');
    expect(rule.annotations.description).toMatch(/\.$/);
    // Every opening parenthesis, brace and bracket is closed.
    const depth = [...rule.expr].reduce(
      (sum, sign) => sum + Number('({['.includes(sign)) - Number(')}]'.includes(sign)),
      0,
    );
    expect(depth).toBe(0);
  });

  test('say of a Redis that is away what the service says', () => {
    const summary = rules.find(({ labels }) => labels.condition === 'redis_unavailable')?.annotations.summary;
    expect(summary).toBe('Redis cache unavailable. Running in database-only mode.');
  });
});
