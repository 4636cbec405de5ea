import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { init } from 'echarts';
import { resultsFolder } from '../support/report.ts';

/** An axis, named with its unit. */
export interface Axis {
  readonly name: string;
  readonly scale: 'log' | 'linear';
}

/** One line of a plot. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** The axis that the line is read from: the left one (0), or the right one. */
  readonly axis?: 0 | 1;
}

/** Some lines over one horizontal axis, with one vertical axis or one at each side. */
export interface Plot {
  readonly title: string;
  /** Describes the measurement in a line. */
  readonly about: string;
  readonly x: Axis;
  readonly y: readonly [left: Axis, right?: Axis];
  readonly lines: readonly Line[];
}

const [WIDTH, HEIGHT] = [860, 480];
/** People who see few colours can tell these apart; the marks differ too. */
const COLOURS = ['#0b63a5', '#c2410c', '#2f7d32', '#7b3fa0', '#8a6d00'];
const MARKS = ['circle', 'rect', 'triangle', 'diamond'];
const TEXT = '#24292f';

/** Draws a plot as SVG among the results. */
export function draw(name: string, plot: Plot): void {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(optionsOf(plot));
    const file = join(resultsFolder(), `${name}.svg`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${chart.renderToSVGString()}\n`);
  } finally {
    chart.dispose();
  }
}

function optionsOf({ title, about, x, y, lines }: Plot) {
  const axes = y.filter((axis) => axis !== undefined);
  const figures = lines.flatMap(({ points }) => points.map(([at]) => at));
  return {
    animation: false,
    backgroundColor: '#ffffff',
    color: COLOURS,
    textStyle: { fontFamily: 'sans-serif', fontSize: 13, color: TEXT },
    title: {
      text: title,
      subtext: about,
      left: 16,
      top: 12,
      textStyle: { fontSize: 18, color: TEXT },
      subtextStyle: { fontSize: 12.5, color: '#57606a' },
    },
    legend: { top: 72, left: 16, itemGap: 32, textStyle: { color: TEXT } },
    grid: { left: 84, right: axes.length > 1 ? 84 : 36, top: 118, bottom: 64 },
    xAxis: {
      ...axisOf(x),
      nameLocation: 'middle',
      nameGap: 36,
      min: Math.min(...figures),
      max: Math.max(...figures),
      minInterval: 1,
    },
    yAxis: axes.map((axis, index) => ({
      ...axisOf(axis),
      nameLocation: 'middle',
      nameGap: 60,
      nameRotate: index === 0 ? 90 : -90,
      ...(index === 0 ? {} : { splitLine: { show: false } }),
    })),
    series: lines.map(({ name, points, axis = 0 }, index) => ({
      name,
      type: 'line',
      yAxisIndex: axis,
      data: points.map((point) => [...point]),
      symbol: MARKS[index % MARKS.length],
      symbolSize: 8,
      lineStyle: { width: 2.2, type: axis === 0 ? 'solid' : 'dashed' },
    })),
  };
}

function axisOf({ name, scale }: Axis) {
  return {
    type: scale === 'log' ? 'log' : 'value',
    name,
    nameTextStyle: { color: TEXT, fontSize: 13 },
    axisLine: { show: true, lineStyle: { color: '#8c959f' } },
    axisLabel: { color: TEXT, formatter: short },
    splitLine: { lineStyle: { color: '#e6e8eb' } },
    minorSplitLine: { show: false },
  };
}

/** Writes 1,000,000 as 1M and 20,000 as 20k. */
function short(figure: number): string {
  for (const [size, letter] of [
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (Math.abs(figure) >= size) return `${Number((figure / size).toPrecision(3))}${letter}`;
  }
  return String(Number(figure.toPrecision(3)));
}
