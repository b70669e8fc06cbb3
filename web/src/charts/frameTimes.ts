/** Render time by frame, a line for each layer: uPlot. */

import uPlot from 'uplot';
import { duration } from '../format/time';
import { colourOf } from './colours';
import { axisLook } from './pen';

export interface FrameLine {
  name: string;
  /** [frame, milliseconds], by frame. */
  points: [number, number][];
}

/** Tokens of lines, and dashes so that they tell apart without colour. */
const TOKENS = ['--tone-done', '--tone-active', '--tone-unsure', '--tone-held', '--tone-failed'];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2]];

export const lineLook = (at: number) => ({
  token: TOKENS[at % TOKENS.length]!,
  dash: DASHES[at % DASHES.length]!,
});

export function drawFrameTimes(
  target: HTMLElement,
  lines: FrameLine[],
  look: { width: number; height: number; onFrame: (frame: number | null) => void },
): uPlot {
  const frames = [...new Set(lines.flatMap((line) => line.points.map(([frame]) => frame)))].sort(
    (a, b) => a - b,
  );
  const place = new Map(frames.map((frame, at) => [frame, at]));
  const columns = lines.map((line) => {
    const column = new Array<number | null>(frames.length).fill(null);
    for (const [frame, time] of line.points) column[place.get(frame)!] = time / 1000;
    return column;
  });
  const axis = axisLook(target);
  return new uPlot(
    {
      width: look.width,
      height: look.height,
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false },
        y: { range: (_, _low, high) => [0, (high || 1) * 1.08] },
      },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000] },
        {
          ...axis,
          size: 62,
          values: (_, splits) => splits.map((split) => duration(split * 1000)),
        },
      ],
      series: [
        {},
        ...lines.map((line, at): uPlot.Series => ({
          label: line.name,
          stroke: () => colourOf(lineLook(at).token),
          width: 1.5,
          spanGaps: true,
          dash: lineLook(at).dash,
          points: { show: frames.length <= 120, size: 5 },
        })),
      ],
      hooks: {
        setCursor: [
          (chart) => look.onFrame(chart.cursor.idx == null ? null : frames[chart.cursor.idx]!),
        ],
      },
    },
    [frames, ...columns] as uPlot.AlignedData,
    target,
  );
}
