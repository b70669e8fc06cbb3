import { Index, Show, createMemo, createSignal } from 'solid-js';
import { plural } from '../format/number';
import { duration } from '../format/time';
import type { Frame } from '../state/job';
import { TASK_URGENCY, frameLook } from '../theme/states';
import { Shape } from './Shape';

/** One cell: a frame, or a run of neighbours when there are more frames than cells. */
export interface Cell {
  frames: Frame[];
  /** The frame whose status the cell shows: the one that asks for attention. */
  shown: Frame;
  startsTask: boolean;
  renderMs: number | null;
}

export function cellsOf(frames: Frame[], most: number): Cell[] {
  const size = Math.max(Math.ceil(frames.length / most), 1);
  const cells: Cell[] = [];
  for (let at = 0; at < frames.length; at += size) {
    const run = frames.slice(at, at + size);
    const first = run[0]!;
    const shown = run.reduce((urgent, frame) =>
      TASK_URGENCY.indexOf(frame.status) < TASK_URGENCY.indexOf(urgent.status) ? frame : urgent,
    );
    const times = run.flatMap((frame) => (frame.renderMs === null ? [] : [frame.renderMs]));
    cells.push({
      frames: run,
      shown,
      startsTask: at > 0 && frames[at - 1]!.task !== first.task,
      renderMs: times.length === 0 ? null : Math.max(...times),
    });
  }
  return cells;
}

function nameOf(cell: Cell): string {
  const first = cell.frames[0]!;
  const last = cell.frames[cell.frames.length - 1]!;
  if (cell.frames.length === 1) return `Frame ${first.frame}`;
  return `Frames ${first.frame}–${last.frame}`;
}

function tipOf(cell: Cell): string {
  const lines = [`${nameOf(cell)}: ${frameLook(cell.shown).word}`];
  if (cell.frames.length > 1) {
    const done = cell.frames.filter((frame) => frame.status === 'SUCCEEDED').length;
    lines.push(`${done} of ${cell.frames.length} done`);
  }
  const longest = cell.frames.length > 1 ? 'Longest ' : '';
  if (cell.renderMs !== null) lines.push(`${longest}${duration(cell.renderMs)}`);
  if (cell.shown.worker !== null) lines.push(`on ${cell.shown.worker}`);
  if (cell.shown.attempts > 1) lines.push(plural(cell.shown.attempts, 'attempt'));
  return lines.join('\n');
}

/** All frames of a layer in order, with the render time of each as a bar above its cell. */
export function FrameStrip(props: {
  label: string;
  frames: Frame[];
  selected: Frame | null;
  onSelect: (frame: Frame) => void;
  most?: number;
}) {
  const cells = createMemo(() => cellsOf(props.frames, props.most ?? 480));
  const longest = createMemo(() => Math.max(...cells().map((cell) => cell.renderMs ?? 0), 1));
  const gaps = () => cells().filter((cell) => cell.startsTask).length;
  const [current, setCurrent] = createSignal(0);
  let list!: HTMLDivElement;

  const isSelected = (cell: Cell) =>
    props.selected !== null &&
    cell.frames.some(
      (frame) => frame.frame === props.selected?.frame && frame.layerId === props.selected.layerId,
    );
  const go = (to: number) => {
    const at = Math.min(Math.max(to, 0), cells().length - 1);
    setCurrent(at);
    (list.children[at] as HTMLElement | undefined)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowRight: current() + 1,
      ArrowLeft: current() - 1,
      Home: 0,
      End: cells().length - 1,
      PageDown: current() + 10,
      PageUp: current() - 10,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      event.preventDefault();
      go(to);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const cell = cells()[current()];
      if (cell !== undefined) props.onSelect(cell.shown);
    }
  };

  return (
    <Show when={cells().length > 0}>
      <div
        class="strip"
        classList={{ dense: cells().length > 160 }}
        role="listbox"
        aria-label={props.label}
        aria-orientation="horizontal"
        ref={list}
        style={{ '--cells': cells().length, '--gaps': gaps() }}
        onKeyDown={onKeyDown}
      >
        <Index each={cells()}>
          {(cell, at) => (
            <div
              class="cell"
              classList={{ 'starts-task': cell().startsTask }}
              role="option"
              aria-selected={isSelected(cell())}
              aria-label={tipOf(cell()).replaceAll('\n', ', ')}
              tabindex={at === current() ? 0 : -1}
              data-tone={frameLook(cell().shown).tone}
              data-shape={frameLook(cell().shown).shape}
              data-status={cell().shown.status}
              data-tip={tipOf(cell())}
              onClick={() => {
                setCurrent(at);
                props.onSelect(cell().shown);
              }}
            >
              <span class="time">
                <span style={{ height: `${((cell().renderMs ?? 0) / longest()) * 100}%` }} />
              </span>
              <span class="state">
                <Shape name={frameLook(cell().shown).shape} />
              </span>
            </div>
          )}
        </Index>
      </div>
    </Show>
  );
}
