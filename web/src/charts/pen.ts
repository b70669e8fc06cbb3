/** What every picture begins with: a sharp canvas, the look of an axis, words that fit. */

import type uPlot from 'uplot';
import { colourOf } from './colours';

/** A pen for a canvas made this large, in pixels of the page. */
export function penOf(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d')!;
  pen.scale(ratio, ratio);
  pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  pen.textBaseline = 'middle';
  return pen;
}

/** As much of a text as fits. */
export function clip(pen: CanvasRenderingContext2D, text: string, width: number): string {
  if (pen.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 1 && pen.measureText(`${short}…`).width > width) short = short.slice(0, -1);
  return `${short}…`;
}

/** The look of each axis of a chart. */
export const axisLook = (target: HTMLElement): uPlot.Axis => ({
  stroke: () => colourOf('--text-quiet'),
  grid: { stroke: () => colourOf('--line'), width: 1 },
  ticks: { show: false },
  font: `11px ${getComputedStyle(target).fontFamily}`,
});
