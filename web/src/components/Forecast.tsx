import { For, Show, createMemo, createResource } from 'solid-js';
import { forecastFileUrl, getForecast, reasonOf } from '../api/client';
import type { Forecast as Foretold } from '../api/types';
import { count } from '../format/number';
import { useFarm } from '../state/farm';
import { answerOf } from '../state/resource';
import { useWords } from '../state/words';
import { LineChart } from './LineChart';
import { Panel } from './Panel';
import { SpanLinks } from './SpanLinks';
import '../styles/forecast.css';

const SPANS = [
  { key: '7', word: '7 days' },
  { key: '14', word: '14 days' },
  { key: '30', word: '30 days' },
];
const USUAL = '14';
/** So many of the days that are over stand before those to come. */
const MOST_KNOWN = 42;

/** A day of the farm's calendar, as an instant of a zone without summer time. */
const at = (day: string) => Date.parse(`${day}T00:00:00Z`);
const dayName = (day: string) =>
  new Date(at(day)).toLocaleDateString('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  });
const hours = (value: number) => `${count(Math.round(value))} h`;
type Day = Foretold['rows'][number];

/** From nothing to twice the figure: the days before say too little for a figure. */
const isVague = (row: Day) =>
  row.workers_high > 0 && row.workers_low === 0 && row.workers_high >= 2 * row.workers;
const workersOf = (many: number) => `${count(many)} ${many === 1 ? 'worker' : 'workers'}`;
const between = (low: string | number, high: string | number) => `${low} to ${high}`;

function Chart(props: { told: Foretold }) {
  const known = createMemo(() => props.told.known.slice(-MOST_KNOWN));
  const columns = createMemo<(number | null)[][]>(() => {
    const [before, after] = [known(), props.told.rows];
    const gaps = before.map(() => null);
    const rest = after.map(() => null);
    return [
      [...before.map(({ day }) => at(day)), ...after.map(({ day }) => at(day))],
      [...before.map((one) => one.hours), ...rest],
      [...gaps, ...after.map((one) => one.demand_low_hours)],
      [...gaps, ...after.map((one) => one.demand_high_hours)],
      [...gaps, ...after.map((one) => one.demand_hours)],
    ];
  });
  const first = () => known()[0]?.day ?? props.told.rows[0]!.day;
  const last = () => props.told.rows.at(-1)!;
  return (
    <LineChart
      label={`Worker-hours by day: ${known().length} days that are over, then ${
        props.told.rows.length
      } to come with their band; the last, ${dayName(last().day)}, ${between(
        hours(last().demand_low_hours),
        hours(last().demand_high_hours),
      )}`}
      columns={columns()}
      look={{
        height: 190,
        zone: 'UTC',
        start: at(first()),
        end: at(last().day),
        words: hours,
        series: [
          { label: 'known', token: '--tone-done' },
          { label: 'low', token: '--tone-active', dash: [2, 3] },
          { label: 'high', token: '--tone-active', dash: [2, 3] },
          { label: 'expected', token: '--tone-active' },
        ],
        band: { low: 2, high: 3, token: '--tone-active' },
      }}
    />
  );
}

/** What the coming days will ask for, between what it lies, and what that follows from. */
export function Forecast() {
  const farm = useFarm();
  const { word, address } = useWords();
  const days = () => SPANS.find(({ key }) => key === word('ahead'))?.key ?? USUAL;
  const [asked] = createResource(
    () => {
      const id = farm.store.farm?.farm_id;
      return id === undefined ? null : ([id, Number(days())] as const);
    },
    ([id, ahead]) => getForecast(id, ahead),
  );
  const told = () => answerOf(asked);
  const notes = () => (told()?.notes ?? []).filter((note) => !note.startsWith('SIMULATED'));
  const most = createMemo(() =>
    Math.max(1, ...(told()?.rows ?? []).map((row) => row.workers_high)),
  );
  // The first day is today, of which a part is over: what is ahead are those after it.
  const busiest = createMemo(() =>
    (told()?.rows ?? [])
      .slice(1)
      .reduce<Day | null>(
        (best, row) => (best === null || row.workers > best.workers ? row : best),
        null,
      ),
  );
  const highest = createMemo(() =>
    Math.max(0, ...(told()?.rows ?? []).slice(1).map((row) => row.workers_high)),
  );
  const isLevel = createMemo(() =>
    (told()?.rows ?? []).every((row, at) => at === 0 || row.workers === busiest()?.workers),
  );
  return (
    <Panel
      title="Forecast"
      class="forecast"
      flush
      aside={
        <SpanLinks
          label="How far the forecast looks"
          ahead
          spans={SPANS}
          current={days()}
          addressOf={(key) => address({ ahead: key === USUAL ? '' : key })}
        />
      }
    >
      <Show
        when={told()}
        fallback={
          <p class="empty pad" classList={{ 'looking-ahead': asked.loading }}>
            {asked.error === undefined ? 'Looking ahead …' : reasonOf(asked.error)}
          </p>
        }
      >
        {(found) => (
          <>
            <Show when={busiest()}>
              {(row) => (
                <p class="forecast-line pad">
                  <Show
                    when={!isVague(row())}
                    fallback={
                      <>
                        <b>No figure can be told yet:</b> the {count(found().known_days)} days
                        before today are too few or too uneven. With 95 %, the days ahead need
                        anything up to {workersOf(highest())}.
                      </>
                    }
                  >
                    <b>{workersOf(row().workers)}</b>{' '}
                    {isLevel()
                      ? 'on each of the days ahead'
                      : `on ${dayName(row().day)}, the busiest day ahead`}
                    : {between(count(row().workers_low), count(row().workers_high))} with 95 %.
                  </Show>{' '}
                  The farm has {count(farm.store.workers.length)}.
                </p>
              )}
            </Show>
            <Chart told={found()} />
            <ul class="line-key">
              <li>
                <span class="key-line known" aria-hidden="true" /> worker-hours of days that are
                over
              </li>
              <li>
                <span class="key-line expected" aria-hidden="true" /> expected
              </li>
              <li>
                <span class="key-line band" aria-hidden="true" /> 95 of 100 lie in here
              </li>
            </ul>
            <details class="pad">
              <summary>Day by day</summary>
              <div class="scroll-x" role="region" aria-label="Forecast by day" tabindex="0">
                <table class="forecast-days">
                  <thead>
                    <tr>
                      <th scope="col">Day</th>
                      <th scope="col" class="number">
                        Worker-hours
                      </th>
                      <th scope="col" class="number">
                        with 95 %
                      </th>
                      <th scope="col" class="number">
                        Workers needed
                      </th>
                      <th scope="col" class="number">
                        with 95 %
                      </th>
                      <th scope="col">
                        <span class="visually-hidden">Bar</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    <For each={found().rows}>
                      {(row, at) => (
                        <tr>
                          <td>
                            {dayName(row.day)}
                            {at() === 0 ? ' (today)' : ''}
                          </td>
                          <td class="number">{hours(row.demand_hours)}</td>
                          <td class="number">
                            {between(
                              count(Math.round(row.demand_low_hours)),
                              hours(row.demand_high_hours),
                            )}
                          </td>
                          <td class="number">{count(row.workers)}</td>
                          <td class="number">
                            {between(count(row.workers_low), count(row.workers_high))}
                          </td>
                          <td class="bar-cell">
                            <span
                              class="interval"
                              style={{
                                '--low': row.workers_low / most(),
                                '--mid': row.workers / most(),
                                '--high': row.workers_high / most(),
                              }}
                            />
                          </td>
                        </tr>
                      )}
                    </For>
                  </tbody>
                </table>
              </div>
            </details>
            <p class="quiet pad count">
              {notes().join(' ')} Workers are counted for hours busier than 95 of 100: they are{' '}
              {found().peak_factor.toFixed(1)} times as busy as the mean hour.
            </p>
            <p class="files pad">
              <a
                href={forecastFileUrl(farm.store.farm!.farm_id, Number(days()), 'csv')}
                download=""
              >
                CSV
              </a>{' '}
              <a
                href={forecastFileUrl(farm.store.farm!.farm_id, Number(days()), 'xlsx')}
                download=""
              >
                XLSX
              </a>
            </p>
          </>
        )}
      </Show>
    </Panel>
  );
}
