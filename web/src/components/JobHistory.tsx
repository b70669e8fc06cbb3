import { Show, createEffect, createSignal, on, onCleanup, onMount, type JSX } from 'solid-js';
import { useNavigate, useSearchParams } from '@solidjs/router';
import { findJobs, reasonOf } from '../api/client';
import type { JobRow } from '../api/types';
import { count } from '../format/number';
import { full } from '../format/time';
import { jobColumns, NARROW_JOBS } from '../grid/columns';
import { VirtualGrid } from '../grid/grid';
import { layoutOf } from '../grid/layout';
import { useFarm } from '../state/farm';

const PAGE_ROWS = 200;
/** Without a find, so many requests look further back before somebody says to go on. */
const MOST_EMPTY = 50;

/** All jobs there ever were, the newest first, as the server finds them: a page at a time. */
export function JobHistory(props: { aside: JSX.Element }) {
  const farm = useFarm();
  const navigate = useNavigate();
  const [words, setWords] = useSearchParams<{ where?: string }>();
  const [rows, setRows] = createSignal<JobRow[]>([]);
  const [total, setTotal] = createSignal<number | null>(null);
  const [next, setNext] = createSignal<string | null>(null);
  const [lookedTo, setLookedTo] = createSignal<number | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [isReading, setReading] = createSignal(false);
  let turn = 0;

  const columns = jobColumns(farm.zone).map(({ sort: _, ...column }) => column);
  const grid = new VirtualGrid<JobRow>({
    label: 'All jobs',
    columns,
    idOf: (row) => row.job_id,
    open: (row) => navigate(`/jobs/${row.job_id}`),
    groupText: ({ label }) => label,
    selected: () => undefined,
    layoutChanged: (layout) => grid.show(layout, []),
    sortBy: () => undefined,
    toggleGroup: () => undefined,
    nearEnd: () => void more(),
  });
  const read = async (after: string | null, mine: number) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    setReading(true);
    try {
      let place = after;
      for (let empty = 0; empty < MOST_EMPTY; empty += 1) {
        const where = words.where ?? '';
        const found = await findJobs(farmId, { where, limit: PAGE_ROWS, after: place });
        if (mine !== turn) return;
        const before = place === null ? [] : rows();
        setRows([...before, ...found.jobs]);
        setTotal(found.total);
        setNext(found.next);
        setLookedTo(found.looked_back_to);
        setProblem(null);
        grid.set(rows());
        place = found.next;
        if (place === null || found.jobs.length > 0) break;
      }
    } catch (error) {
      if (mine !== turn) return;
      setProblem(reasonOf(error));
    } finally {
      if (mine === turn) setReading(false);
    }
  };
  const more = async () => {
    if (!isReading() && next() !== null) await read(next(), turn);
  };
  createEffect(
    on(
      () => words.where ?? '',
      () => {
        turn += 1;
        setRows([]);
        setNext(null);
        grid.top();
        grid.set([]);
        void read(null, turn);
      },
    ),
  );
  onMount(() => {
    grid.show(layoutOf(window.innerWidth < 640 ? NARROW_JOBS : undefined, columns), []);
    grid.mounted();
  });
  onCleanup(() => grid.destroy());
  let typing: ReturnType<typeof setTimeout> | undefined;
  return (
    <section class="panel list-page" aria-labelledby="list-title">
      <header>
        <h1 id="list-title" class="page-title">
          All jobs
        </h1>
        <span class="list-figures" aria-live="polite">
          {count(rows().length)}
          {next() === null ? '' : '+'} of {total() === null ? '…' : count(total()!)}
        </span>
        <div class="aside">{props.aside}</div>
      </header>
      <div class="list-tools">
        <input
          type="search"
          class="list-search"
          aria-label="Search all jobs"
          placeholder="beauty user=ann finished=2026-07"
          value={words.where ?? ''}
          onInput={(event) => {
            const text = event.currentTarget.value;
            clearTimeout(typing);
            typing = setTimeout(
              () => setWords({ where: text || undefined }, { replace: true }),
              400,
            );
          }}
        />
        <span class="quiet small">
          <Show when={isReading()} fallback="The newest first.">
            looking back
            <Show when={lookedTo()}>{(at) => <> before {full(at(), farm.zone())}</>}</Show> …
          </Show>
        </span>
      </div>
      <p class="list-problem" role="alert">
        {problem() ?? ''}
      </p>
      <div class="grid-place" style={{ '--lines': rows().length }}>
        {grid.element}
        <Show when={!isReading() && rows().length === 0 && problem() === null}>
          <div class="grid-empty">
            <p>No job matches.</p>
          </div>
        </Show>
      </div>
    </section>
  );
}
