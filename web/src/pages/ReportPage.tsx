import { For, Show, createEffect, createMemo, createResource, createSignal, on } from 'solid-js';
import { useLocation, useParams } from '@solidjs/router';
import { MOST_ROWS, getReports, reportFileUrl, type ReportQuery } from '../api/client';
import type { ReportKind } from '../api/types';
import { getMonths } from '../api/costs';
import { CostSheets } from '../components/CostSheets';
import { Forecast } from '../components/Forecast';
import { FarmPicture } from '../components/FarmPicture';
import { ReportTable } from '../components/ReportTable';
import { SpanLinks } from '../components/SpanLinks';
import { count } from '../format/number';
import { full, monthName } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { createReport } from '../state/report';
import { answerOf } from '../state/resource';
import { createTitle } from '../state/title';
import { useWords } from '../state/words';
import { NotFound } from './NotFound';

const DAY_MS = 86_400_000;
const RANGES = [
  { key: '24h', word: '24 h', days: 1 },
  { key: '7d', word: '7 days', days: 7 },
  { key: '30d', word: '30 days', days: 30 },
  { key: '90d', word: '90 days', days: 90 },
  { key: '365d', word: 'Year', days: 365 },
];
const DEFAULT_RANGE = '30d';
/** What the heading of the report is called in addresses. */
const REPORT = 'report-title';
/** A frozen month never changes, what is known of it may. */
const AS_KNOWN_NOW =
  'From what is known now. The statement is as it was posted; what differs is posted in an open month.';
const OF_MONTH = 'month';
const TIMES = new Set(['hour', 'day', 'week', 'month']);

function Grouping(props: { kind: ReportKind; by: string[]; onChange: (by: string[]) => void }) {
  const second = () => props.kind.groups.filter((name) => name !== props.by[0]);
  return (
    <Show when={props.kind.groups.length > 0}>
      <label>
        <span>By</span>
        <select
          onChange={(event) => props.onChange([event.currentTarget.value, ...props.by.slice(1)])}
        >
          <For each={props.kind.groups}>
            {(name) => (
              <option value={name} selected={name === props.by[0]}>
                {name.replaceAll('_', ' ')}
              </option>
            )}
          </For>
        </select>
      </label>
      <label>
        <span>then by</span>
        <select onChange={(event) => props.onChange([props.by[0]!, event.currentTarget.value])}>
          <option value="">nothing</option>
          <For each={second()}>
            {(name) => (
              <option value={name} selected={name === props.by[1]}>
                {name.replaceAll('_', ' ')}
              </option>
            )}
          </For>
        </select>
      </label>
    </Show>
  );
}

function Condition(props: { where: string; onChange: (where: string) => void }) {
  const [text, setText] = createSignal(props.where);
  createEffect(on(() => props.where, setText));
  return (
    <form
      class="condition"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        props.onChange(text().trim());
      }}
    >
      <label>
        <span>Where</span>
        <input
          type="search"
          value={text()}
          placeholder="project=film -user=ann"
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => {
            setText(event.currentTarget.value);
            if (text() === '' && props.where !== '') props.onChange('');
          }}
        />
      </label>
      <button type="submit">Apply</button>
    </form>
  );
}

/** A report of the books: pages /usage, /cost and /reports/NAME. */
export function ReportPage(props: { report?: string }) {
  const farm = useFarm();
  const parameters = useParams<{ name?: string }>();
  const { word, address, change } = useWords();
  const name = () => props.report ?? parameters.name ?? '';
  const [kinds] = createResource(() => farm.store.farm?.farm_id, getReports);
  const kind = () => kinds()?.find((one) => one.name === name());
  createTitle(() => kind()?.title ?? null);

  const isCost = () => name() === 'cost';
  const [months] = createResource(
    () => (isCost() ? farm.store.farm?.farm_id : undefined),
    getMonths,
  );
  /** The month whose statement stands above: what the report is of, unless somebody says. */
  const month = createMemo(() =>
    isCost() ? answerOf(months)?.months.find((one) => one.month === word('month')) : undefined,
  );
  const awaitsMonths = () => isCost() && word('month') !== '' && months.loading;
  const usual = () => (month() ? OF_MONTH : DEFAULT_RANGE);
  const ranges = createMemo(() => [
    ...(month() ? [{ key: OF_MONTH, word: monthName(month()!.month), named: true, days: 0 }] : []),
    ...RANGES,
  ]);
  const range = createMemo(() => {
    const wanted = word('range') || usual();
    return ranges().find(({ key }) => key === wanted) ?? RANGES[2]!;
  });
  // To the minute: a report is not asked again with every tick of the clock.
  const end = createMemo(() => Math.ceil(now() / 60_000) * 60_000);
  const until = createMemo(on([range, name], () => end()));
  const span = () => {
    const of = range().key === OF_MONTH ? month() : undefined;
    return of
      ? { start: of.start_at, end: of.end_at }
      : { start: until() - range().days * DAY_MS, end: until() };
  };
  const by = createMemo(() => {
    const words = word('by').split(',').filter(Boolean);
    return words.length > 0 ? words : (kind()?.by ?? []);
  });
  const asked = createMemo<ReportQuery | null>(() =>
    kind() === undefined || awaitsMonths()
      ? null
      : {
          report: name(),
          ...span(),
          by: by().join(','),
          where: word('where'),
        },
  );
  const state = createReport(asked);
  // Who comes by a link to the report is shown it once it is read: before, it is too short to reach.
  const location = useLocation();
  const [shown, setShown] = createSignal('');
  createEffect(() => {
    if (location.hash !== `#${REPORT}` || shown() === location.search) return;
    if (state.isReading() || state.report() === null) return;
    setShown(location.search);
    queueMicrotask(() => document.getElementById(REPORT)?.scrollIntoView());
  });
  // The banner above every page of a simulated farm says that one already.
  const notes = () => [
    ...(range().key === OF_MONTH && month()?.status === 'frozen' ? [AS_KNOWN_NOW] : []),
    ...(state.report()?.notes ?? []).filter((note) => !note.startsWith('SIMULATED')),
  ];

  const drill = (column: string, value: string) => {
    const fields = kind()?.fields.map((field) => field.name) ?? [];
    if (TIMES.has(column) || !fields.includes(column)) return null;
    const condition = `${column}=${/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)}`;
    if (word('where').includes(condition)) return null;
    const others = (kind()?.groups ?? []).filter((one) => !TIMES.has(one) && !by().includes(one));
    const next = ['job', 'layer', 'user', 'worker'].find((one) => others.includes(one));
    return address({
      where: [word('where'), condition].filter(Boolean).join(' '),
      by: next ?? by().join(','),
      sort: '',
    });
  };

  return (
    <Show
      when={kinds.loading || kind()}
      fallback={<NotFound what={`There is no report called ${name()}.`} />}
    >
      <Show when={name() === 'usage'}>
        <FarmPicture />
      </Show>
      <Show when={name() === 'cost'}>
        <CostSheets months={answerOf(months)} />
        <Forecast />
      </Show>
      <section class="panel" aria-labelledby={REPORT} aria-busy={state.isReading()}>
        <header>
          <h1 id={REPORT} class="page-title">
            {kind()?.title ?? 'Report'}
          </h1>
          <SpanLinks
            label="Span of the report"
            spans={ranges()}
            current={range().key}
            addressOf={(key) => address({ range: key === usual() ? '' : key })}
          />
        </header>
        <div class="asked">
          <Show when={kind()}>
            {(one) => (
              <Grouping
                kind={one()}
                by={by()}
                onChange={(names) =>
                  change({ by: [...new Set(names.filter(Boolean))].join(','), sort: '' })
                }
              />
            )}
          </Show>
          <Show when={kind()}>
            <Condition where={word('where')} onChange={(where) => change({ where })} />
          </Show>
          <Show when={asked()}>
            {(query) => (
              <p class="files">
                <a href={reportFileUrl(farm.store.farm!.farm_id, query(), 'csv')} download="">
                  CSV
                </a>{' '}
                <a href={reportFileUrl(farm.store.farm!.farm_id, query(), 'xlsx')} download="">
                  XLSX
                </a>
              </p>
            )}
          </Show>
        </div>
        <Show when={state.problem()}>
          {(problem) => (
            <p class="problem pad" role="alert">
              {problem()}
            </p>
          )}
        </Show>
        <Show
          when={state.report()}
          fallback={
            <Show when={state.isReading()}>
              <p class="empty pad" role="status">
                Reading the books …
              </p>
            </Show>
          }
        >
          {(report) => (
            <>
              <Show when={notes().length > 0}>
                <ul class="notes">
                  <For each={notes()}>{(note) => <li>{note}</li>}</For>
                </ul>
              </Show>
              <Show
                when={report().rows.length > 0}
                fallback={
                  <p class="empty pad">
                    {word('where')
                      ? `Nothing matches ${word('where')}. Take the condition away to see all.`
                      : 'The books hold nothing for this span yet.'}
                  </p>
                }
              >
                <ReportTable
                  report={report()}
                  zone={farm.zone()}
                  sort={word('sort') || undefined}
                  onSort={(sort) => change({ sort })}
                  drill={drill}
                />
                <p class="quiet pad count">
                  {count(report().rows.length)} of {count(report().matched)} rows
                  {report().matched > MOST_ROWS ? '; the files hold all' : ''} ·{' '}
                  {full(report().span.start_at, farm.zone())} to{' '}
                  {full(report().span.end_at, farm.zone())}
                </p>
              </Show>
            </>
          )}
        </Show>
      </section>
    </Show>
  );
}
