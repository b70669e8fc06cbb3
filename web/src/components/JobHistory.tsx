import {
  Show,
  createEffect,
  createMemo,
  createSignal,
  on,
  onCleanup,
  onMount,
  type JSX,
} from 'solid-js';
import { useNavigate, useSearchParams } from '@solidjs/router';
import { findJobs, reasonOf } from '../api/client';
import type { JobRow } from '../api/types';
import { count } from '../format/number';
import { full } from '../format/time';
import { jobColumns, NARROW_JOBS } from '../grid/columns';
import { VirtualGrid } from '../grid/grid';
import { layoutOf, sortOf, sortText, turned, type SortWish } from '../grid/layout';
import { useFarm } from '../state/farm';

const PAGE_ROWS = 200;
/** Columns that the server sorts all jobs by; others are made up of several members. */
const SORTS: ReadonlySet<string> = new Set([
  'name',
  'user',
  'priority',
  'submitted',
  'started',
  'finished',
]);
const NEWEST: SortWish[] = [{ key: 'submitted', descending: true }];
/** Without a find, so many requests look further back before somebody says to go on. */
const MOST_EMPTY = 50;

/** All jobs there ever were, as the server finds and sorts them: a page at a time. */
export function JobHistory(props: { aside: JSX.Element }) {
  const farm = useFarm();
  const navigate = useNavigate();
  const [words, setWords] = useSearchParams<{ where?: string; sort?: string }>();
  const [rows, setRows] = createSignal<JobRow[]>([]);
  const [total, setTotal] = createSignal<number | null>(null);
  const [next, setNext] = createSignal<string | null>(null);
  const [lookedTo, setLookedTo] = createSignal<number | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [isReading, setReading] = createSignal(false);
  let turn = 0;

  const columns = jobColumns(farm.zone).map(({ sort, ...column }) =>
    SORTS.has(column.key) && sort !== undefined ? { ...column, sort } : column,
  );
  /** By one column: the server goes on behind the last row of a page. */
  const sort = createMemo(() => {
    const wished = sortOf(words.sort, SORTS).slice(0, 1);
    return wished.length > 0 ? wished : NEWEST;
  });
  const isNewestFirst = () => sortText(sort()) === sortText(NEWEST);
  const [layout, setLayout] = createSignal(
    layoutOf(window.innerWidth < 640 ? NARROW_JOBS : undefined, columns),
  );
  const grid = new VirtualGrid<JobRow>({
    label: 'All jobs',
    columns,
    idOf: (row) => row.job_id,
    open: (row) => navigate(`/jobs/${row.job_id}`),
    groupText: ({ label }) => label,
    selected: () => undefined,
    layoutChanged: setLayout,
    sortBy: (key) => {
      const text = sortText(turned(sort(), key, false));
      setWords({ sort: text === sortText(NEWEST) ? undefined : text });
    },
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
        const asked = {
          where,
          limit: PAGE_ROWS,
          after: place,
          sort: isNewestFirst() ? '' : sortText(sort())!,
        };
        const found = await findJobs(farmId, asked);
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
      () => `${sortText(sort())} ${words.where ?? ''}`,
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
  createEffect(() => grid.show(layout(), sort()));
  onMount(() => {
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
          <Show when={isReading()} fallback={isNewestFirst() ? 'The newest first.' : ''}>
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
