import { For, Show, createMemo, createResource } from 'solid-js';
import { get, inFarm, reasonOf } from '../api/client';
import { UNKNOWN, bytes, count } from '../format/number';
import { duration, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { answerOf } from '../state/resource';
import { useWords } from '../state/words';
import { LineChart } from './LineChart';

interface Figure {
  total: number | null;
  mean?: number | null;
  max?: number | null;
}
interface Slots {
  step_ms: number;
  measures: string[];
  rows: ({ stream: string; kind: string; slot_at: number } & Record<string, unknown>)[];
}

const MEASURES: Record<
  string,
  { word: string; of: 'total' | 'mean'; words: (n: number) => string }
> = {
  bytes: { word: 'Bytes', of: 'total', words: (value) => bytes(value) },
  files: { word: 'Files', of: 'total', words: (value) => count(value) },
  errors: { word: 'Errors', of: 'total', words: (value) => count(value) },
  late: { word: 'Late files', of: 'total', words: (value) => count(value) },
  latency: { word: 'Latency', of: 'mean', words: (value) => duration(value) },
};
const STYLES = [
  { token: '--account-rendering-useful' },
  { token: '--account-rendering-wasted', dash: [6, 3] },
  { token: '--account-idle-blocked', dash: [2, 3] },
  { token: '--account-overhead', dash: [9, 3, 2, 3] },
  { token: '--tone-active', dash: [4, 4] },
  { token: '--account-disabled', dash: [1, 2] },
];
const MOST = STYLES.length;
const DASHES = ['solid', 'dashes', 'dots', 'dash dot', 'short dashes', 'fine dots'];

/** Several streams in one chart; drag across it to look closer. */
export function StreamComparison(props: { streams: string[]; hours: number; minute: number }) {
  const farm = useFarm();
  const { word, change, span: given, setSpan, clearSpan } = useWords();
  const span = createMemo(
    () => {
      const end = (props.minute + 1) * 60_000;
      return given() ?? { start: end - props.hours * 3_600_000, end };
    },
    undefined,
    { equals: (a, b) => a.start === b.start && a.end === b.end },
  );
  const measure = () => (word('measure') in MEASURES ? word('measure') : 'bytes');
  const look = () => MEASURES[measure()]!;
  const step = () =>
    Math.min(86_400, Math.max(60, Math.ceil((span().end - span().start) / 300 / 60_000) * 60));
  const [slots] = createResource(
    () =>
      farm.store.farm === null || props.streams.length === 0
        ? null
        : ([farm.store.farm.farm_id, span(), measure(), props.streams.join(',')] as const),
    ([farmId, { start, end }, of, streams]) =>
      get<Slots>(`${inFarm(farmId)}/streams/slots`, {
        since: Math.floor(start / 60_000) * 60_000,
        until: Math.min(Math.ceil(end), Math.ceil(now())),
        streams,
        measures: of,
        step_seconds: step(),
      }),
  );
  /** Kinds of one name are one line, as `grange graph` adds them up. */
  const drawn = createMemo(() => {
    const found = answerOf(slots);
    const names = props.streams.slice(0, MOST);
    const of = new Map<string, Map<number, number | null>>(names.map((name) => [name, new Map()]));
    const instants = new Set<number>();
    for (const row of found?.rows ?? []) {
      const column = of.get(row.stream);
      if (column === undefined) continue;
      const value = (row[measure()] as Figure | undefined)?.[look().of] ?? null;
      const before = column.get(row.slot_at) ?? null;
      instants.add(row.slot_at);
      column.set(
        row.slot_at,
        value === null ? before : look().of === 'total' ? value + (before ?? 0) : value,
      );
    }
    const at = [...instants].toSorted((a, b) => a - b);
    return {
      names,
      columns: [at, ...names.map((name) => at.map((one) => of.get(name)!.get(one) ?? null))],
    };
  });
  const sum = (column: (number | null)[]) => {
    const known = column.filter((value): value is number => value !== null);
    if (known.length === 0) return UNKNOWN;
    const total = known.reduce((all, value) => all + value, 0);
    return look().words(look().of === 'total' ? total : total / known.length);
  };

  return (
    <div class="comparison">
      <div class="asked">
        <label>
          <span>Compare</span>
          <select onChange={(event) => change({ measure: event.currentTarget.value })}>
            <For each={Object.entries(MEASURES)}>
              {([key, { word: text }]) => (
                <option value={key} selected={key === measure()}>
                  {text}
                </option>
              )}
            </For>
          </select>
        </label>
        <span class="quiet">
          {full(span().start, farm.zone())} to {full(span().end, farm.zone())}
        </span>
        <Show when={given() !== null}>
          <button type="button" onClick={clearSpan}>
            Whole span
          </button>
        </Show>
      </div>
      <Show
        when={slots.error === undefined}
        fallback={<p class="problem pad">{reasonOf(slots.error)}</p>}
      >
        <div class="pad">
          <LineChart
            label={`${look().word} of ${drawn().names.join(', ')} over time`}
            columns={drawn().columns}
            look={{
              start: span().start,
              end: span().end,
              height: 240,
              words: look().words,
              series: drawn().names.map((label, at) => ({ label, ...STYLES[at]! })),
              onBrush: setSpan,
            }}
          />
          <ul class="line-key" aria-label="Lines of the chart">
            <For each={drawn().names}>
              {(name, at) => (
                <li>
                  <svg viewBox="0 0 28 8" aria-hidden="true">
                    <path
                      d="M1 4h26"
                      stroke={`var(${STYLES[at()]!.token})`}
                      stroke-width="2.5"
                      stroke-dasharray={STYLES[at()]!.dash?.join(' ')}
                    />
                  </svg>
                  <b>{name}</b> <span class="quiet">{DASHES[at()]}</span>{' '}
                  <span class="sum">{sum(drawn().columns[at() + 1] ?? [])}</span>
                  <span class="quiet"> {look().of === 'total' ? 'in all' : 'on average'}</span>
                </li>
              )}
            </For>
          </ul>
          <p class="quiet small">
            Drag across the chart to look closer; a gap is time nobody knows of.
            {props.streams.length > MOST ? ` The first ${MOST} streams are drawn.` : ''}
          </p>
        </div>
      </Show>
    </div>
  );
}
