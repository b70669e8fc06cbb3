import { For, Show, createEffect, createMemo, createSignal, on, onCleanup } from 'solid-js';
import { clock, full } from '../format/time';
import { useFarm } from '../state/farm';
import { ansiSpans } from './ansi';
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
  linesOf: (first: number, last: number) => Line[];
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

  const total = () => props.count * LINE_PX;
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
    show: (line) => moveTo((line - 1) * LINE_PX - height() / 3),
    toEnd: () => moveTo(most()),
  });
  createEffect(
    on([() => props.count, () => props.follows, height], () => {
      if (props.follows) queueMicrotask(() => moveTo(most()));
    }),
  );

  const first = createMemo(() => Math.max(1, Math.floor(top() / LINE_PX) + 1 - SPARE_LINES));
  const last = createMemo(() =>
    Math.min(props.count, Math.ceil((top() + height()) / LINE_PX) + SPARE_LINES),
  );
  const visible = createMemo(() => props.linesOf(first(), last()));
  const offset = () => bar() - top() + (first() - 1) * LINE_PX;

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
          <For each={visible()}>
            {(line) => (
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
                      {(span) =>
                        span.classes ? <span class={span.classes}>{span.text}</span> : span.text
                      }
                    </For>
                    <Show when={line.isCut}>
                      <i> … the rest of this line is in the file</i>
                    </Show>
                  </Show>
                </code>
              </li>
            )}
          </For>
        </ol>
      </div>
      <Show when={props.count === 0}>
        <p class="empty pad">{props.empty}</p>
      </Show>
    </div>
  );
}
