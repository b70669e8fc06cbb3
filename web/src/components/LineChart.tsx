import { createEffect, onCleanup } from 'solid-js';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { drawLines, type LineLook } from '../charts/lines';
import { useFarm } from '../state/farm';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';

/** A chart of lines, drawn again when it or the window changes. */
export function LineChart(props: {
  label: string;
  columns: (number | null)[][];
  /** Without a zone: the farm's. */
  look: Omit<LineLook, 'width' | 'zone'> & { zone?: string };
}) {
  const farm = useFarm();
  const [width, watch] = createWidth();
  let target!: HTMLDivElement;
  let drawn: uPlot | undefined;
  onCleanup(() => drawn?.destroy());
  createEffect(() => {
    const { columns, look } = props;
    const [wide, zone] = [width(), farm.zone()];
    isDark();
    if (wide < 100) return;
    const turn = requestAnimationFrame(() => {
      drawn?.destroy();
      drawn = drawLines(target, columns, { ...look, width: wide, zone: look.zone ?? zone });
    });
    onCleanup(() => cancelAnimationFrame(turn));
  });
  return (
    <div
      class="line-chart levels"
      ref={(element) => {
        target = element;
        watch(element);
      }}
      style={{ 'min-height': `${props.look.height}px` }}
      role="img"
      aria-label={props.label}
    />
  );
}
