import { createEffect, createSignal, onCleanup } from 'solid-js';
import type uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { drawLines, type LineLook } from '../charts/lines';
import { useFarm } from '../state/farm';
import { isDark } from '../state/theme';
import { createWidth } from '../state/width';

/** A chart of lines, drawn again when it or the window changes, though not under a hand that drags. */
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
  const [held, setHeld] = createSignal(false);
  const letGo = () => setHeld(false);
  window.addEventListener('pointerup', letGo);
  window.addEventListener('pointercancel', letGo);
  onCleanup(() => {
    window.removeEventListener('pointerup', letGo);
    window.removeEventListener('pointercancel', letGo);
    drawn?.destroy();
  });
  createEffect(() => {
    const { columns, look } = props;
    const [wide, zone] = [width(), farm.zone()];
    isDark();
    if (wide < 100 || held()) return;
    const turn = requestAnimationFrame(() => {
      drawn?.destroy();
      drawn = drawLines(target, columns, { ...look, width: wide, zone: look.zone ?? zone });
    });
    onCleanup(() => cancelAnimationFrame(turn));
  });
  return (
    <div
      class="line-chart levels"
      onPointerDown={() => setHeld(true)}
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
