import { For, Show, createEffect, createMemo, createSignal, on, onCleanup } from 'solid-js';
import { clock, full } from '../format/time';
import { useFarm } from '../state/farm';
import { count, plural } from '../format/number';
import { ansiSpans } from './ansi';
import { Fold, type LogFolds } from './folds';
import type { Line } from './lines';

const LINE_PX = 24; // its number is a link: a target has at least 24 px
const SPARE_LINES = 25;
/** Browsers draw no element taller than some 17 to 33 million pixels: beyond this, it is scaled. */
export const MOST_PX = 8_000_000;

export interface LinesHandle {
  /** Brings a line into view. */
  show(line: number): void;
  toEnd(): void;
}

/** The lines of a log, however many: those in view are drawn, and read, alone. */
export function LogLines(props: {
  count: number;
  linesOf: (numbers: number[]) => Line[];
  folds: LogFolds;
  /** Somebody has folded or unfolded lines. */
  onFold: () => void;
  chosen: number | null;
  found: Set<number>;
  wrong: Map<number, string | null>;
  follows: boolean;
  empty: string;
  handle: (handle: LinesHandle) => void;
  onScrollUp: () => void;
}) {
  const farm = useFarm();
  const [height, setHeight] = createSignal(600);
  /** Where the view begins, in pixels of the whole log as if nothing were scaled. */
  const [top, setTop] = createSignal(0);
  /** Where the scrollbar is. */
  const [bar, setBar] = createSignal(0);
  let box!: HTMLDivElement;

  const rows = () => props.folds.rows();
  const total = () => rows().count * LINE_PX;
  const drawn = () => Math.min(total(), MOST_PX);
  const most = () => Math.max(0, total() - height());
  const barMost = () => Math.max(0, drawn() - height());
  const isScaled = () => total() > MOST_PX;

  const moveTo = (wanted: number) => {
    const next = Math.min(Math.max(wanted, 0), most());
    setTop(next);
    const place = isScaled() ? (next / most()) * barMost() : next;
    if (Math.abs(box.scrollTop - place) >= 1) box.scrollTop = place;
    setBar(box.scrollTop);
  };
  const onScroll = () => {
    const place = box.scrollTop;
    if (height() !== box.clientHeight) setHeight(box.clientHeight);
    if (Math.abs(place - bar()) < 1) return; // where it was put by moveTo
    const back = place < bar();
    setBar(place);
    setTop(isScaled() ? (place / Math.max(barMost(), 1)) * most() : Math.min(place, most()));
    if (back) props.onScrollUp();
  };
  const onWheel = (event: WheelEvent) => {
    if (!isScaled() || event.ctrlKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const unit = [1, LINE_PX, height()][event.deltaMode] ?? 1;
    moveTo(top() + event.deltaY * unit);
    if (event.deltaY < 0) props.onScrollUp();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === ' ' && event.target instanceof HTMLButtonElement) return;
    const page = height() - LINE_PX;
    const moves: Record<string, number> = {
      ArrowDown: top() + LINE_PX,
      ArrowUp: top() - LINE_PX,
      PageDown: top() + page,
      PageUp: top() - page,
      ' ': top() + (event.shiftKey ? -page : page),
      Home: 0,
      End: most(),
    };
    const to = moves[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (to < top()) props.onScrollUp();
    moveTo(to);
  };

  props.handle({
    show: (line) => moveTo(rows().of(line) * LINE_PX - height() / 3),
    toEnd: () => moveTo(most()),
  });
  createEffect(
    on([() => rows().count, () => props.follows, height], () => {
      if (props.follows) queueMicrotask(() => moveTo(most()));
    }),
  );
  // What is looked at stays where it is when lines above it are folded: the chosen line if it is
  // in view, else the first line in view.
  createEffect(
    on(rows, (next, before) => {
      if (before === undefined || props.follows) return;
      const from = top() / LINE_PX;
      const chosen = props.chosen === null ? -1 : before.of(props.chosen);
      const isInView = chosen >= from && chosen < from + height() / LINE_PX;
      const row = before.at(Math.ceil(from));
      const line = isInView ? props.chosen! : 'line' in row ? row.line : row.fold.first;
      const moved = next.of(line) - before.of(line);
      if (moved !== 0) moveTo(top() + moved * LINE_PX);
    }),
  );

  const first = createMemo(() => Math.max(0, Math.floor(top() / LINE_PX) - SPARE_LINES));
  const last = createMemo(() =>
    Math.min(rows().count, Math.ceil((top() + height()) / LINE_PX) + SPARE_LINES),
  );
  const visible = createMemo(() => {
    const folds: Fold[] = [];
    const numbers: number[] = [];
    for (let row = first(); row < last(); row += 1) {
      const one = rows().at(row);
      if ('fold' in one) folds.push(one.fold);
      else numbers.push(one.line);
    }
    const mixed: (Line | Fold)[] = [];
    for (const line of props.linesOf(numbers)) {
      while (folds[0] !== undefined && folds[0].first <= line.number) mixed.push(folds.shift()!);
      mixed.push(line);
    }
    return [...mixed, ...folds];
  });
  const offset = () => bar() - top() + first() * LINE_PX;
  /** So many of the lines a fold hides were searched for and found. */
  const foundIn = (fold: Fold) => {
    if (props.folds.isOpen(fold)) return 0;
    let total = 0;
    for (const line of props.found) if (fold.holds(line)) total += 1;
    return total;
  };
  const foldWords = (fold: Fold) => {
    const size = props.folds.sizeOf(fold);
    const hidden = { alike: 'like these', setup: 'of the session’s set-up', lost: 'not kept' };
    const within = foundIn(fold);
    return `${plural(size, 'line')} ${hidden[fold.kind]}${within ? ` · ${count(within)} found` : ''}`;
  };

  const foldRow = (fold: Fold) => (
    <li class="fold">
      <button
        type="button"
        aria-expanded={props.folds.isOpen(fold)}
        onClick={() => {
          props.folds.toggle(fold);
          props.onFold();
        }}
      >
        {foldWords(fold)}
      </button>
    </li>
  );
  const lineRow = (line: Line) => (
    <li
      data-line={line.number}
      classList={{
        wrong: props.wrong.has(line.number),
        known: Boolean(props.wrong.get(line.number)),
        found: props.found.has(line.number),
        chosen: props.chosen === line.number,
        lost: line.text === null,
      }}
    >
      <a href={`#L${line.number}`} aria-label={`Line ${line.number}`}>
        {line.number}
      </a>
      <time data-tip={line.at === null ? undefined : full(line.at, farm.zone())}>
        {line.at === null ? '' : clock(line.at, farm.zone())}
      </time>
      <code>
        <Show
          when={typeof line.text === 'string'}
          fallback={line.text === null ? 'This line was not kept.' : '…'}
        >
          <For each={ansiSpans(line.text!)}>
            {(span) => (span.classes ? <span class={span.classes}>{span.text}</span> : span.text)}
          </For>
          <Show when={line.isCut}>
            <i> … the rest of this line is in the file</i>
          </Show>
        </Show>
      </code>
    </li>
  );

  return (
    <div
      class="log-lines"
      role="region"
      aria-label="Lines of the log"
      tabindex="0"
      ref={(element) => {
        box = element;
        element.addEventListener('wheel', onWheel, { passive: false });
        const seen = new ResizeObserver(() => setHeight(element.clientHeight));
        seen.observe(element);
        onCleanup(() => seen.disconnect());
      }}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <div class="log-height" style={{ height: `${drawn()}px` }}>
        <ol style={{ transform: `translateY(${offset()}px)` }}>
          <For each={visible()}>{(row) => (row instanceof Fold ? foldRow(row) : lineRow(row))}</For>
        </ol>
      </div>
      <Show when={props.count === 0}>
        <p class="empty pad">{props.empty}</p>
      </Show>
    </div>
  );
}
