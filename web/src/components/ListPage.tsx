import {
  For,
  Show,
  createEffect,
  createMemo,
  createSignal,
  on,
  onCleanup,
  onMount,
  untrack,
} from 'solid-js';
import type { Accessor, JSX } from 'solid-js';
import { useNavigate, useSearchParams } from '@solidjs/router';
import { count } from '../format/number';
import { VirtualGrid, type Column } from '../grid/grid';
import { layoutOf, layoutText, sortOf, sortText, turned, type SortWish } from '../grid/layout';
import { View, type Ordering } from '../grid/view';
import type { Deed } from '../state/deeds';
import type { LiveList } from '../state/lists';
import { now } from '../state/clock';
import { onPageKey } from '../state/keys';
import { holds, parse, WhereError, type Row } from '../where';
import { ColumnsDialog } from './ColumnsDialog';
import { DeedBar } from './DeedBar';
import { SavedViews } from './SavedViews';
import { Shape } from './Shape';
import type { StateLook } from '../theme/states';

interface Words {
  where?: string;
  sort?: string;
  group?: string;
  columns?: string;
  [other: string]: string | string[] | undefined;
}

export interface ListPageProps<T extends object> {
  page: 'jobs' | 'workers';
  title: string;
  noun: string;
  /** A query, to show how one is written. */
  example: string;
  list: LiveList<T>;
  columns: Column<T>[];
  /** Asks the server for the first rows of a condition and an order, while all are on their way. */
  find?: (where: string, sort: string) => Promise<T[]>;
  /** Columns that the server sorts by as the page does. */
  sorts?: ReadonlySet<string>;
  /** Columns on a narrow window. */
  narrow: string;
  /** The order without a wish. */
  usual: SortWish[];
  groups: Record<string, { label: string; of: (row: T) => string }>;
  /** What chips count and filter by. */
  stateOf: (row: T) => string;
  look: (state: string) => StateLook;
  states: readonly string[];
  open: (row: T) => string;
  deeds: (rows: T[]) => Deed<T>[];
  extra?: (rows: Accessor<T[]>) => JSX.Element;
  aside?: JSX.Element;
  /** Something stands below it. */
  short?: boolean;
  empty: JSX.Element;
}

const NARROW_PX = 640;
const NOW_WORDS = /\b(now|today|yesterday)\b|[=<>.]-\d/i;

/** A whole list in the browser: filtered, sorted, grouped, chosen from, acted on. */
export function ListPage<T extends object>(props: ListPageProps<T>) {
  const navigate = useNavigate();
  const [words, setWords] = useSearchParams<Words>();
  const { list } = props;
  const word = (name: keyof Words & string) => {
    const found = words[name];
    return typeof found === 'string' ? found : undefined;
  };
  const isNarrow = window.innerWidth < NARROW_PX;
  const layout = createMemo(() =>
    layoutOf(word('columns') ?? (isNarrow ? props.narrow : undefined), props.columns),
  );
  const sortable = new Map(
    props.columns.flatMap((one) => (one.sort === undefined ? [] : [[one.key, one.sort] as const])),
  );
  const sort = createMemo(() => {
    const wished = sortOf(word('sort'), new Set(sortable.keys()));
    return wished.length > 0 ? wished : props.usual;
  });
  const [minute, setMinute] = createSignal(Math.floor(now() / 60_000));
  const ticking = setInterval(() => setMinute(Math.floor(now() / 60_000)), 5000);
  const query = createMemo(() => {
    // What a query may name comes with the rows.
    if (list.fields().length === 0) return { test: null, problem: null };
    const text = word('where') ?? '';
    if (NOW_WORDS.test(text)) minute();
    try {
      const moment = { zone: list.zone(), now: untrack(now) };
      return { test: holds(parse(text, list.fields(), moment)), problem: null };
    } catch (error) {
      if (!(error instanceof WhereError)) throw error;
      return { test: null, problem: error };
    }
  });
  const [last, setLast] = createSignal<(row: T) => boolean>(() => true);
  createEffect(() => {
    const { test } = query();
    // While a query cannot be read, what the last one found stays.
    if (test !== null) setLast(() => (row: T) => test(row as Row));
  });
  const ordering = createMemo<Ordering<T>>(() => ({
    test: last(),
    sort: sort().map(({ key, descending }) => ({ valueOf: sortable.get(key)!, descending })),
    group: props.groups[word('group') ?? '']?.of ?? null,
  }));
  /** The newest rows alone are the beginning of the list only in its usual order. */
  const isBeginning = () =>
    list.partial() && word('where') === undefined && word('group') === undefined && !word('sort');
  const hasRows = createMemo(() => (list.partial() ? isBeginning() : list.loaded() > 0));
  /** The first rows a condition is true for, as the server finds them, before all are here. */
  const [found, setFound] = createSignal<T[]>([]);
  const asked = createMemo(
    () => {
      const wishes = sortOf(word('sort'), new Set(sortable.keys()));
      const isKnown = wishes.every(({ key }) => props.sorts?.has(key));
      if (list.loaded() > 0 || word('group') !== undefined || !isKnown) return null;
      const words = { where: word('where') ?? '', sort: sortText(wishes) ?? '' };
      return words.where === '' && words.sort === '' ? null : words;
    },
    null,
    { equals: (a, b) => a?.where === b?.where && a?.sort === b?.sort },
  );
  createEffect(
    on(asked, (words) => {
      setFound([]);
      if (words === null) return;
      props.find?.(words.where, words.sort).then(
        (rows) => {
          if (asked() === words) setFound(rows);
        },
        // The list that is on its way says what is wrong.
        () => undefined,
      );
    }),
  );
  const [figures, setFigures] = createSignal({ matched: 0, all: 0, lines: 0 });
  const [states, setStates] = createSignal(new Map<string, number>());
  const [chosen, setChosen] = createSignal<T[]>([]);
  const view = new View<T>(list.table.idOf, ordering());
  const inState = new Map<string, number>();
  const countState = (row: T, rows: number) => {
    const state = props.stateOf(row);
    inState.set(state, (inState.get(state) ?? 0) + rows);
  };
  const tally = () => {
    setStates(new Map(inState));
    setFigures({ matched: view.matched, all: list.table.size, lines: view.items.length });
  };
  const choose = (ids: ReadonlySet<string>) =>
    setChosen([...ids].flatMap((id) => list.table.get(id) ?? []));
  const grid = new VirtualGrid<T>({
    label: props.title,
    columns: props.columns,
    idOf: list.table.idOf,
    open: (row) => navigate(props.open(row)),
    groupText: ({ label, count: rows }) => `${label || 'none'} · ${count(rows)}`,
    selected: choose,
    layoutChanged: (next) =>
      setWords({ columns: layoutText(next, props.columns) }, { replace: true }),
    sortBy: (key, more) => setWords({ sort: sortText(turned(sort(), key, more)) }),
    toggleGroup: (label) => {
      view.toggle(label);
      grid.set(view.items);
      tally();
    },
    nearEnd: () => undefined,
  });
  let shownText = word('where') ?? '';
  createEffect(() => grid.show(layout(), sort()));
  createEffect(
    on([ordering, list.loaded, hasRows, found], ([next]) => {
      view.ordering = next;
      view.rebuild(hasRows() ? list.table.rows : found());
      if (grid.selection.ids.size > 0) {
        const kept = new Set(view.rows.map(list.table.idOf));
        grid.selection.keep((id) => kept.has(id));
      }
      const text = untrack(() => word('where')) ?? '';
      if (text !== shownText) grid.top();
      shownText = text;
      grid.set(view.items);
      inState.clear();
      for (const row of list.partial() ? [] : list.table.rows) countState(row, 1);
      tally();
      if (chosen().length > 0 || grid.selection.ids.size > 0) choose(grid.selection.ids);
    }),
  );
  const deaf = list.table.listen((changes) => {
    if (!hasRows()) return;
    if (view.update(changes)) grid.set(view.items);
    else grid.refresh();
    for (const { row, was, gone } of list.partial() ? [] : changes) {
      if (was !== null) countState(was, -1);
      if (!gone) countState(row, 1);
    }
    tally();
    if (chosen().length > 0) {
      for (const { row, gone } of changes) {
        if (gone) grid.selection.keep((id) => id !== list.table.idOf(row));
      }
      choose(grid.selection.ids);
    }
  });
  onCleanup(() => {
    clearInterval(ticking);
    deaf();
    grid.destroy();
  });

  let search: HTMLInputElement | undefined;
  let columnsDialog: HTMLDialogElement | undefined;
  let typing: ReturnType<typeof setTimeout> | undefined;
  const ask = (text: string) => setWords({ where: text || undefined }, { replace: true });
  const toSearch = () => {
    search?.focus();
    search?.select();
  };
  onMount(() => {
    grid.mounted();
    onCleanup(onPageKey('/', toSearch));
  });
  const isWanted = (state: string) => (word('where') ?? '') === `state=${state.toLowerCase()}`;
  const hasList = () => list.loaded() > 0 && !list.partial();
  const reading = () =>
    found().length > 0
      ? `the ${word('sort') ? 'first' : 'newest'} ${count(found().length)}; reading all …`
      : 'reading all …';
  return (
    <section
      class="panel list-page"
      classList={{ short: props.short ?? false }}
      aria-labelledby="list-title"
    >
      <header>
        <h1 id="list-title" class="page-title">
          {props.title}
        </h1>
        <span class="list-figures" aria-live="polite">
          <Show when={hasList()} fallback={list.problem() ?? reading()}>
            {count(figures().matched)} of {count(figures().all)}
          </Show>
        </span>
        <div class="aside">{props.aside}</div>
      </header>
      <div class="list-tools">
        <input
          type="search"
          ref={search}
          class="list-search"
          aria-label={`Search ${props.noun}s`}
          aria-invalid={query().problem !== null}
          aria-describedby="list-problem"
          placeholder={`${props.example}   ( / )`}
          value={word('where') ?? ''}
          onInput={(event) => {
            const text = event.currentTarget.value;
            clearTimeout(typing);
            typing = setTimeout(() => ask(text), 120);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Escape') event.currentTarget.blur();
            if (event.key === 'Enter' || event.key === 'ArrowDown') {
              clearTimeout(typing);
              ask(event.currentTarget.value);
              grid.element.focus();
              event.preventDefault();
            }
          }}
        />
        <label>
          <span class="quiet small">Group</span>{' '}
          <select
            aria-label="Group by"
            onChange={(event) => setWords({ group: event.currentTarget.value || undefined })}
          >
            <option value="">none</option>
            <For each={Object.entries(props.groups)}>
              {([key, group]) => (
                <option value={key} selected={word('group') === key}>
                  {group.label}
                </option>
              )}
            </For>
          </select>
        </label>
        <SavedViews page={props.page} query={() => window.location.search.replace(/^\?/, '')} />
        <button type="button" onClick={() => columnsDialog?.showModal()}>
          Columns
        </button>
      </div>
      <p id="list-problem" class="list-problem" role="alert">
        {query().problem?.message ?? ''}
      </p>
      <div class="state-chips" role="group" aria-label="States">
        <For each={props.states.filter((state) => (states().get(state) ?? 0) > 0)}>
          {(state) => (
            <button
              type="button"
              class="chip"
              data-tone={props.look(state).tone}
              aria-pressed={isWanted(state)}
              onClick={() => ask(isWanted(state) ? '' : `state=${state.toLowerCase()}`)}
            >
              <Shape name={props.look(state).shape} />
              {props.look(state).word} <b>{count(states().get(state) ?? 0)}</b>
            </button>
          )}
        </For>
      </div>
      <Show when={chosen().length > 0}>
        <DeedBar
          table={list.table}
          noun={props.noun}
          chosen={chosen()}
          deeds={props.deeds(chosen())}
          clear={() => grid.selection.clear()}
        >
          {props.extra?.(chosen)}
        </DeedBar>
      </Show>
      <div class="grid-place" style={{ '--lines': figures().lines }}>
        {grid.element}
        <Show when={hasList() && figures().matched === 0}>
          <div class="grid-empty">
            <Show when={figures().all > 0} fallback={props.empty}>
              <p>
                No {props.noun} matches.{' '}
                <button type="button" onClick={() => ask('')}>
                  Clear {word('where')}
                </button>
              </p>
            </Show>
          </div>
        </Show>
      </div>
      <ColumnsDialog
        columns={props.columns}
        layout={layout()}
        change={(next) => setWords({ columns: layoutText(next, props.columns) }, { replace: true })}
        reset={() => setWords({ columns: undefined }, { replace: true })}
        ref={(element) => (columnsDialog = element)}
      />
    </section>
  );
}
