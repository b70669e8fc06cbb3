import { createEffect, createSignal, onCleanup, onMount } from 'solid-js';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { drawLines, type LineLook } from '../charts/lines';
import { useFarm } from '../state/farm';
import { isDark } from '../state/theme';

/** A chart of lines, drawn again when it or the window changes. */
export function LineChart(props: {
  label: string;
  columns: (number | null)[][];
  look: Omit<LineLook, 'width' | 'zone'>;
}) {
  const farm = useFarm();
  const [width, setWidth] = createSignal(0);
  let target!: HTMLDivElement;
  let drawn: uPlot | undefined;
  onMount(() => {
    const watch = new ResizeObserver(([entry]) =>
      setWidth(Math.floor(entry?.contentRect.width ?? 0)),
    );
    watch.observe(target);
    onCleanup(() => watch.disconnect());
  });
  onCleanup(() => drawn?.destroy());
  createEffect(() => {
    const { columns, look } = props;
    const [wide, zone] = [width(), farm.zone()];
    isDark();
    if (wide < 100) return;
    const turn = requestAnimationFrame(() => {
      drawn?.destroy();
      drawn = drawLines(target, columns, { ...look, width: wide, zone });
    });
    onCleanup(() => cancelAnimationFrame(turn));
  });
  return <div class="line-chart levels" ref={target} role="img" aria-label={props.label} />;
}
