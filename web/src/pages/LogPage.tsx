import {
  For,
  Show,
  createEffect,
  createMemo,
  createSignal,
  on,
  onCleanup,
  untrack,
} from 'solid-js';
import { A, useLocation, useNavigate, useParams } from '@solidjs/router';
import {
  findErrors,
  findFolds,
  logUrl,
  searchLog,
  type FoundLine,
  type LogName,
} from '../api/logs';
import { Shape } from '../components/Shape';
import { count, plural } from '../format/number';
import { clock, elapsed, full } from '../format/time';
import { plainText } from '../log/ansi';
import { createFolds } from '../log/folds';
import { createFound } from '../log/found';
import { LogLines, type LinesHandle } from '../log/LogLines';
import { createLines } from '../log/lines';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { createJobState } from '../state/job';
import { createTitle } from '../state/title';
import { attemptLook } from '../theme/states';
import '../styles/log.css';

const TYPING_MS = 250;
const SHOWN_ERRORS = 200;
/** The address names so many folds that are open. */
const MOST_UNFOLDED = 100;

/** The log of one attempt of a task: opened at its first error, searched on the server, followed. */
export function LogPage() {
  const parameters = useParams<{ id: string; task: string }>();
  const location = useLocation();
  const navigate = useNavigate();
  const farm = useFarm();
  const asked = () => Number(location.query['attempt']) || null;
  const name = createMemo<LogName | null>(
    () => {
      const farmId = farm.store.farm?.farm_id;
      if (farmId === undefined) return null;
      return { farm: farmId, job: parameters.id, task: parameters.task, attempt: asked() };
    },
    null,
    {
      equals: (a, b) =>
        a?.farm === b?.farm &&
        a?.job === b?.job &&
        a?.task === b?.task &&
        a?.attempt === b?.attempt,
    },
  );
  const errors = createFound();
  const search = createFound();
  const told = createMemo(
    () => new Map([...search.lines(), ...errors.lines()].map((one) => [one[0], one[1]])),
  );
  const log = createLines(name, (line) => told().get(line));
  const unfolded = () => String(location.query['unfolded'] ?? '');
  const folds = createFolds(log.count, (line) =>
    untrack(() => unfolded() === 'all' || unfolded().split(',').includes(String(line))),
  );
  // The job is only named here: it is read behind the log.
  const job = createJobState(createMemo(() => (log.about() === null ? null : parameters.id)));
  const [sought, setSought] = createSignal(String(location.query['find'] ?? ''));
  const [isRegex, setRegex] = createSignal(location.query['regex'] === '1');
  const [follows, setFollows] = createSignal(false);
  let lines: LinesHandle | undefined;
  /** True until the page stands somewhere: at a line of the address, an error, or where it is put. */
  let isOpening = true;

  const index = () => Number(parameters.task.slice(parameters.task.lastIndexOf('-') + 1));
  const layerId = () => `step-${parameters.task.split('-')[1] ?? ''}`;
  const frames = createMemo(() =>
    job.framesOf(layerId()).flatMap((one) => (one.task === index() ? [one.frame] : [])),
  );
  const frameWord = () => {
    const own = frames();
    if (own.length === 0) return '';
    return own.length === 1 ? `frame ${own[0]}` : `frames ${own[0]}–${own.at(-1)}`;
  };
  const attempts = () => log.about()?.attempts ?? [];
  const current = () => attempts().find((one) => one.attempt === log.about()?.attempt);
  createTitle(() => `Log of task ${index()}`);

  const chosen = createMemo(() => {
    const found = /^#L(\d+)$/.exec(location.hash);
    return found === null ? null : Number(found[1]);
  });
  const go = (line: number) => {
    isOpening = false;
    setFollows(false);
    navigate(`${location.pathname}${location.search}#L${line}`, { scroll: false, replace: true });
    folds.reveal(line);
    lines?.show(line);
  };

  /** Put words into the address; an empty one is taken out. */
  const address = (wanted: Record<string, string>) => {
    const words = new URLSearchParams(location.search);
    for (const [word, value] of Object.entries(wanted)) {
      if (value) words.set(word, value);
      else words.delete(word);
    }
    const query = words.toString();
    navigate(`${location.pathname}${query ? `?${query}` : ''}${location.hash}`, {
      scroll: false,
      replace: true,
    });
  };

  createEffect(
    on(name, (log_) => {
      if (log_ === null) return;
      isOpening = chosen() === null;
      setFollows(false);
      log.begin();
      folds.begin((first, signal, hear) => findFolds(log_, first, signal, hear));
      errors.begin((first, signal, hear) => findErrors(log_, first, signal, hear));
      seek();
    }),
  );
  const hasLines = createMemo(() => log.count() > 0);
  createEffect(
    on([chosen, hasLines], ([line, has]) => {
      if (line === null || !has) return;
      folds.reveal(line);
      queueMicrotask(() => lines?.show(line));
    }),
  );
  // Opens at the first error a rule knows. A word of an error counts where the attempt failed.
  createEffect(() => {
    if (!isOpening || log.count() === 0) return;
    const known = errors.lines().find((one) => one[2]);
    const isBad = current()?.status === 'FAILED';
    const first = known ?? (errors.isDone() && isBad ? errors.lines()[0] : undefined);
    if (first !== undefined) go(first[0]);
    else if (errors.isDone() && log.grows()) {
      isOpening = false;
      setFollows(true);
    }
  });
  createEffect(() => {
    const of = log.count();
    errors.goOn(of);
    if (sought()) search.goOn(of);
    // Lines are folded behind the first error, which whoever comes here waits for.
    if (errors.isDone()) folds.goOn(of);
  });

  let typing: ReturnType<typeof setTimeout> | undefined;
  const seek = () => {
    const log_ = name();
    if (log_ === null || sought() === '') {
      search.forget();
      return;
    }
    const wanted = { sought: sought(), isRegex: isRegex() };
    search.begin((first, signal, hear) => searchLog(log_, { ...wanted, first }, signal, hear));
  };
  const look = () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      address({ find: sought(), regex: sought() && isRegex() ? '1' : '' });
      seek();
    }, TYPING_MS);
  };
  const keepFolds = () => {
    const all = folds.areAllOpen();
    address({ unfolded: all ? 'all' : folds.opened().slice(0, MOST_UNFOLDED).join(',') });
  };
  onCleanup(() => clearTimeout(typing));

  const wrong = createMemo(() => new Map(errors.lines().map((one) => [one[0], one[2] ?? null])));
  const isFound = createMemo(() => new Set(search.lines().map((one) => one[0])));
  /** Errors that a rule knows first, then lines that only have a word of one. */
  const sorted = createMemo(() => {
    const all = errors.lines();
    return [...all.filter((one) => one[2]), ...all.filter((one) => !one[2])];
  });
  /** The next line of a list behind the chosen one, or the one before it; round the ends. */
  const step = (list: FoundLine[], back = false) => {
    if (list.length === 0) return;
    const from = chosen() ?? 0;
    const next = back
      ? (list.findLast((one) => one[0] < from) ?? list.at(-1)!)
      : (list.find((one) => one[0] > from) ?? list[0]!);
    go(next[0]);
  };
  const place = () => search.lines().findIndex((one) => one[0] === chosen()) + 1;
  const searchWord = () => {
    if (!sought()) return plural(log.count(), 'line');
    const total = `${plural(search.total(), 'line')} found`;
    if (search.isBusy()) return `${total} so far`;
    return place() > 0 ? `${count(place())} of ${total}` : total;
  };

  return (
    <section class="panel log" aria-labelledby="log-title">
      <header>
        <h1 id="log-title" class="page-title">
          Log of task {index()}
          <Show when={frameWord()}>{(word) => <span class="quiet"> · {word()}</span>}</Show>
        </h1>
        <div class="aside">
          <A href={`/jobs/${parameters.id}`}>{job.row()?.name ?? 'The job'}</A>
        </div>
      </header>
      <Show when={attempts().length > 0}>
        <nav class="attempts" aria-label="Attempts">
          <For each={attempts().toReversed()}>
            {(one) => (
              <a
                href={`${location.pathname}?attempt=${one.attempt}`}
                aria-current={current()?.attempt === one.attempt ? 'true' : undefined}
                data-tone={attemptLook(one).tone}
                data-tip={full(one.started_at, farm.zone())}
              >
                <Shape name={attemptLook(one).shape} />
                <b>Attempt {one.attempt}</b>
                <span>
                  {one.class ?? attemptLook(one).word} on {one.worker || 'a worker'}
                  {one.started_at === null
                    ? ''
                    : ` · ${elapsed(one.started_at, one.ended_at, now())}`}
                </span>
              </a>
            )}
          </For>
        </nav>
      </Show>
      <div class="asked">
        <form
          class="condition"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            step(search.lines());
          }}
        >
          <label>
            <span>Find</span>
            <input
              type="search"
              value={sought()}
              spellcheck={false}
              autocomplete="off"
              maxlength="500"
              onInput={(event) => {
                setSought(event.currentTarget.value);
                look();
              }}
            />
          </label>
          <label>
            <input
              type="checkbox"
              checked={isRegex()}
              onChange={(event) => {
                setRegex(event.currentTarget.checked);
                look();
              }}
            />
            <span>Expression</span>
          </label>
          <button type="submit" disabled={search.lines().length === 0}>
            Next
          </button>
          <button
            type="button"
            disabled={search.lines().length === 0}
            onClick={() => step(search.lines(), true)}
          >
            Previous
          </button>
        </form>
        <span class="quiet" role="status">
          {searchWord()}
        </span>
        <button type="button" disabled={sorted().length === 0} onClick={() => step(errors.lines())}>
          {errors.total() === 0
            ? errors.isDone()
              ? 'No errors'
              : 'Looking for errors …'
            : `Next error (${count(errors.total())})`}
        </button>
        <Show when={folds.count() > 0}>
          <button
            type="button"
            onClick={() => {
              folds.toggleAll(!folds.areAllOpen());
              keepFolds();
            }}
          >
            {folds.areAllOpen() ? 'Fold all' : 'Unfold all'}
          </button>
        </Show>
        <Show when={log.grows()}>
          <label>
            <input
              type="checkbox"
              checked={follows()}
              onChange={(event) => {
                isOpening = false;
                setFollows(event.currentTarget.checked);
              }}
            />
            <span>Follow</span>
          </label>
        </Show>
        <p class="files">
          <Show when={name()}>
            {(log_) => (
              <a href={logUrl(log_(), '/file')} download="">
                Download
              </a>
            )}
          </Show>
        </p>
      </div>
      <Show when={search.problem() ?? log.problem() ?? errors.problem() ?? folds.problem()}>
        {(text) => (
          <p class="problem pad" role="alert">
            {text()}
          </p>
        )}
      </Show>
      <Show when={sorted().length > 0}>
        <details class="first-errors" open={sorted().some((one) => one[2])}>
          <summary>
            {plural(errors.total(), 'line')} that {errors.total() === 1 ? 'looks' : 'look'} wrong
          </summary>
          <ol aria-label="Errors" tabindex="0">
            <For each={sorted().slice(0, SHOWN_ERRORS)}>
              {(one) => (
                <li>
                  <a
                    href={`#L${one[0]}`}
                    onClick={(event) => {
                      event.preventDefault();
                      go(one[0]);
                    }}
                  >
                    <span class="number">{count(one[0])}</span>
                    <span class="class">{one[2]?.replaceAll('_', ' ') ?? ''}</span>
                    <span class="ellipsis">{plainText(one[1])}</span>
                  </a>
                </li>
              )}
            </For>
          </ol>
        </details>
      </Show>
      <Show when={log.about()?.cut}>
        {(cut) => (
          <p class="quiet pad">
            Lines {count(cut()[0])} to {count(cut()[1])} were not kept: the log is longer than the
            server keeps.
          </p>
        )}
      </Show>
      <LogLines
        count={log.count()}
        linesOf={log.linesOf}
        folds={folds}
        onFold={keepFolds}
        chosen={chosen()}
        found={isFound()}
        wrong={wrong()}
        follows={follows()}
        handle={(handle) => (lines = handle)}
        onScrollUp={() => {
          isOpening = false;
          setFollows(false);
        }}
        empty={
          attempts().length === 0
            ? `No worker has begun this task. ${job.row()?.ended_at === null ? 'The job’s page says why it waits.' : ''}`
            : log.grows()
              ? 'Nothing is written yet.'
              : `The server holds no log of this attempt${current()?.ended_at ? `, which ended at ${clock(current()!.ended_at!, farm.zone())}` : ''}.`
        }
      />
    </section>
  );
}
