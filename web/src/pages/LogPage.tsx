import { For, Show, createEffect, createMemo, createSignal, on, onCleanup } from 'solid-js';
import { A, useLocation, useNavigate, useParams } from '@solidjs/router';
import { getTaskLog, taskLogUrl } from '../api/client';
import { count, plural } from '../format/number';
import { useFarm } from '../state/farm';
import { createJobState } from '../state/job';
import { createTitle } from '../state/title';

const LINE_PX = 20;
const SPARE_LINES = 30;
const EVERY_MS = 2_000;
/** Chromium draws no element taller than 33 million px. */
const MOST_LINES = 1_000_000;

const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]|\u001b\][^\u0007]*\u0007|[\u0000-\u0008\u000b-\u001f]/g;
const WRONG =
  /\b(error|errors|fatal|traceback|exception|failed|cannot|unable|denied|segmentation fault|out of memory)\b/i;

/** A log as lines of plain text: colours and other commands to a terminal are taken out. */
const linesOf = (text: string): string[] => {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-MOST_LINES).map((line) => line.replace(ESCAPES, ''));
};

/** The log of one attempt of a task: found in, linked to by line, followed while it grows. */
export function LogPage() {
  const parameters = useParams<{ id: string; task: string }>();
  const location = useLocation();
  const navigate = useNavigate();
  const farm = useFarm();
  const job = createJobState(() => parameters.id);
  const [lines, setLines] = createSignal<string[]>([]);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [top, setTop] = createSignal(0);
  const [height, setHeight] = createSignal(600);
  const [sought, setSought] = createSignal('');
  const [follows, setFollows] = createSignal(false);
  let box: HTMLDivElement | undefined;
  let whole = '';

  const index = () => Number(parameters.task.slice(parameters.task.lastIndexOf('-') + 1));
  const layerId = () => `step-${parameters.task.split('-')[1] ?? ''}`;
  const frame = createMemo(() => job.framesOf(layerId()).find((one) => one.task === index()));
  const attempt = () => Number(location.query['attempt']) || null;
  const attempts = () => Array.from({ length: frame()?.attempts ?? 0 }, (_, at) => at + 1);
  createTitle(() => `Log of task ${index()}`);

  const chosen = createMemo(() => {
    const found = /^#L(\d+)$/.exec(location.hash);
    return found === null ? null : Number(found[1]);
  });
  const show = (line: number) => {
    if (box === undefined) return;
    box.scrollTop = Math.max(0, (line - 1) * LINE_PX - box.clientHeight / 3);
  };
  const go = (line: number) => {
    setFollows(false);
    navigate(`${location.pathname}${location.search}#L${line}`, { scroll: false, replace: true });
  };
  createEffect(on(chosen, (line) => line !== null && show(line)));

  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    try {
      const text = await getTaskLog(farmId, parameters.id, parameters.task, attempt());
      setProblem(null);
      if (text === whole) return;
      const first = whole === '';
      whole = text;
      setLines(linesOf(text));
      if (box === undefined) return;
      if (first && chosen() !== null) queueMicrotask(() => show(chosen()!));
      else if (follows()) queueMicrotask(() => (box!.scrollTop = box!.scrollHeight));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'The server does not answer.');
    }
  };
  createEffect(
    on([() => farm.store.farm?.farm_id, () => parameters.task, attempt], () => {
      whole = '';
      setLines([]);
      void read();
    }),
  );
  const runs = () => {
    const row = job.row();
    return row === null || row.ended_at === null;
  };
  const timer = setInterval(() => {
    if (!document.hidden && runs()) void read();
  }, EVERY_MS);
  onCleanup(() => clearInterval(timer));

  const wrong = createMemo(() => lines().flatMap((line, at) => (WRONG.test(line) ? [at + 1] : [])));
  const found = createMemo(() => {
    const text = sought().toLowerCase();
    if (text === '') return [];
    return lines().flatMap((line, at) => (line.toLowerCase().includes(text) ? [at + 1] : []));
  });
  const isFound = createMemo(() => new Set(found()));
  /** The next line of a list behind the chosen one, or the one before it; round the ends. */
  const step = (list: number[], back = false) => {
    if (list.length === 0) return;
    const from = chosen() ?? 0;
    const next = back
      ? (list.findLast((line) => line < from) ?? list.at(-1)!)
      : (list.find((line) => line > from) ?? list[0]!);
    go(next);
  };

  const first = () => Math.max(0, Math.floor(top() / LINE_PX) - SPARE_LINES);
  const last = () =>
    Math.min(lines().length, Math.ceil((top() + height()) / LINE_PX) + SPARE_LINES);
  const visible = createMemo(() =>
    lines()
      .slice(first(), last())
      .map((text, at) => ({ text, number: first() + at + 1 })),
  );

  return (
    <section class="panel log" aria-labelledby="log-title">
      <header>
        <h1 id="log-title" class="page-title">
          Log of task {index()}
          <Show when={frame()}>{(one) => <span class="quiet"> · frame {one().frame}</span>}</Show>
        </h1>
        <div class="aside">
          <A href={`/jobs/${parameters.id}`}>{job.row()?.name ?? 'The job'}</A>
        </div>
      </header>
      <div class="asked">
        <Show when={attempts().length > 1}>
          <nav class="segmented" aria-label="Attempts">
            <For each={attempts()}>
              {(one) => (
                <a
                  href={`${location.pathname}?attempt=${one}`}
                  aria-current={(attempt() ?? attempts().length) === one ? 'true' : undefined}
                >
                  Attempt {one}
                </a>
              )}
            </For>
          </nav>
        </Show>
        <form
          class="condition"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            step(found());
          }}
        >
          <label>
            <span>Find</span>
            <input
              type="search"
              value={sought()}
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => setSought(event.currentTarget.value)}
            />
          </label>
          <button type="submit" disabled={found().length === 0}>
            Next
          </button>
          <button type="button" disabled={found().length === 0} onClick={() => step(found(), true)}>
            Previous
          </button>
        </form>
        <span class="quiet" role="status">
          {sought() ? plural(found().length, 'line') : plural(lines().length, 'line')}
        </span>
        <button type="button" disabled={wrong().length === 0} onClick={() => step(wrong())}>
          {wrong().length === 0 ? 'No errors' : `Next error (${count(wrong().length)})`}
        </button>
        <Show when={runs()}>
          <label>
            <input
              type="checkbox"
              checked={follows()}
              onChange={(event) => {
                setFollows(event.currentTarget.checked);
                if (follows() && box !== undefined) box.scrollTop = box.scrollHeight;
              }}
            />
            <span>Follow</span>
          </label>
        </Show>
        <p class="files">
          <a
            href={taskLogUrl(farm.store.farm!.farm_id, parameters.id, parameters.task)}
            target="_blank"
            rel="noopener"
          >
            Text
          </a>
        </p>
      </div>
      <Show when={problem()}>
        {(text) => (
          <p class="problem pad" role="alert">
            {text()}
          </p>
        )}
      </Show>
      <div
        class="log-lines"
        role="region"
        aria-label="Lines of the log"
        tabindex="0"
        ref={(element) => {
          box = element;
          queueMicrotask(() => setHeight(element.clientHeight));
        }}
        onScroll={(event) => {
          setTop(event.currentTarget.scrollTop);
          setHeight(event.currentTarget.clientHeight);
        }}
      >
        <div style={{ height: `${lines().length * LINE_PX}px` }}>
          <ol style={{ transform: `translateY(${first() * LINE_PX}px)` }}>
            <For each={visible()}>
              {(line) => (
                <li
                  classList={{
                    wrong: WRONG.test(line.text),
                    found: isFound().has(line.number),
                    chosen: chosen() === line.number,
                  }}
                >
                  <a href={`#L${line.number}`} aria-label={`Line ${line.number}`}>
                    {line.number}
                  </a>
                  <code>{line.text}</code>
                </li>
              )}
            </For>
          </ol>
        </div>
        <Show when={lines().length === 0 && problem() === null}>
          <p class="empty pad">Nothing is written yet.</p>
        </Show>
      </div>
    </section>
  );
}
