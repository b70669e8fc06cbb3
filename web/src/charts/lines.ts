/** Lines of one measure over time: uPlot, gaps left open, brush to look closer. */

import uPlot from 'uplot';
import { ticks } from '../format/time';
import { colourOf, faded } from './colours';
import { tickLabel } from './machineRows';
import { axisLook } from './pen';

export interface LineLook {
  width: number;
  height: number;
  zone: string | undefined;
  start: number;
  end: number;
  /** A value as people read it, short enough for an axis. */
  words: (value: number) => string;
  series: { label: string; token: string; fill?: boolean; dash?: number[] }[];
  /** Two of the series, as their columns, between which the chart is filled. */
  band?: { low: number; high: number; token: string };
  onBrush?: ((start: number, end: number) => void) | undefined;
  lowest?: number;
}

/** Draw columns: the first holds instants in milliseconds, each other one values or null. */
export function drawLines(
  target: HTMLElement,
  columns: (number | null)[][],
  look: LineLook,
): uPlot {
  const [at = [], ...values] = columns;
  const data = [at.map((one) => (one ?? 0) / 1000), ...values] as uPlot.AlignedData;
  const { band } = look;
  const axis = axisLook(target);
  const marks = ticks(look.start, look.end, (look.width - 70) / 90, look.zone);
  return new uPlot(
    {
      width: look.width,
      height: look.height,
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: look.onBrush !== undefined, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: () => [look.start / 1000, look.end / 1000] },
        y: { range: (_, low, high) => [Math.min(look.lowest ?? 0, low ?? 0), (high || 1) * 1.06] },
      },
      axes: [
        {
          ...axis,
          size: 28,
          splits: () => marks.map((mark) => mark.at / 1000),
          values: (_, splits) =>
            splits.map((split, index) =>
              tickLabel(split * 1000, marks[index]?.step ?? 60_000, look.zone),
            ),
        },
        { ...axis, size: 62, values: (_, splits) => splits.map((split) => look.words(split)) },
      ],
      series: [
        {},
        ...look.series.map((one): uPlot.Series => ({
          label: one.label,
          stroke: () => colourOf(one.token),
          width: 1.5,
          spanGaps: false,
          points: { show: false },
          ...(one.dash ? { dash: one.dash } : {}),
          ...(one.fill ? { fill: () => faded(colourOf(one.token), 0.16) } : {}),
        })),
      ],
      ...(band === undefined
        ? {}
        : {
            bands: [
              {
                series: [band.high, band.low] as [number, number],
                fill: () => faded(colourOf(band.token), 0.2),
              },
            ],
          }),
      hooks: {
        setSelect: [
          (chart) => {
            const { left, width } = chart.select;
            if (width < 6 || look.onBrush === undefined) return;
            look.onBrush(
              chart.posToVal(left, 'x') * 1000,
              chart.posToVal(left + width, 'x') * 1000,
            );
            chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    data,
    target,
  );
}
