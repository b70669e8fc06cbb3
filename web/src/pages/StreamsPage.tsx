import { For, Show, createMemo, createResource } from 'solid-js';
import { getStreamNames, streamGraphUrl } from '../api/client';
import { StreamComparison } from '../components/StreamComparison';
import { SpanLinks } from '../components/SpanLinks';
import { plural } from '../format/number';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { isDark } from '../state/theme';
import { createTitle } from '../state/title';
import { useWords } from '../state/words';

const RANGES = [
  { key: '6h', word: '6 h', hours: 6 },
  { key: '24h', word: '24 h', hours: 24 },
  { key: '7d', word: '7 days', hours: 168 },
  { key: '35d', word: '35 days', hours: 840 },
  { key: '1y', word: 'Year', hours: 8784 },
  { key: '10y', word: '10 years', hours: 87_840 },
];
const DEFAULT_RANGE = '24h';

const COLLECTED = `# streams.toml
[[collect.streams]]
path = "/var/log/nginx/access.log*"
name = "web"
kind = "other"
format = "nginx"

$ grange streams collect --config streams.toml`;

/** Log streams: who was heard, and the graphs of one, some or all of them. */
export function StreamsPage() {
  const farm = useFarm();
  const { word, address, change } = useWords();
  createTitle(() => 'Streams');
  const range = () => RANGES.find(({ key }) => key === word('range')) ?? RANGES[1]!;

  const [known] = createResource(
    () => ({ farmId: farm.store.farm?.farm_id, hours: range().hours }),
    ({ farmId, hours }) => (farmId === undefined ? undefined : getStreamNames(farmId, hours)),
  );
  const streams = () => [...new Set((known()?.streams ?? []).map(([, name]) => name))].toSorted();
  // Nobody chose: the first one, so that there is a picture at once.
  const chosen = createMemo(() => {
    const words = word('streams').split(',').filter(Boolean);
    return words.length > 0 ? words : streams().slice(0, 1);
  });
  // A picture is asked for again once a minute, while the page is open.
  const minute = createMemo(() => Math.floor(now() / 60_000));
  const picture = (format: 'svg' | 'png' | 'csv') =>
    streamGraphUrl(farm.store.farm!.farm_id, {
      format,
      streams: chosen(),
      hours: range().hours,
      combine: word('together') === '1',
      theme: isDark() ? 'dark' : 'light',
      minute: minute(),
      // As wide as there is room, so that its words can be read on a phone.
      width: Math.min(1400, Math.max(420, document.documentElement.clientWidth - 60)),
    });
  const names = () => chosen().join(', ');
  const pick = (name: string, on: boolean) =>
    change({
      streams: streams()
        .filter((one) => (one === name ? on : chosen().includes(one)))
        .join(','),
    });

  return (
    <section class="panel" aria-labelledby="streams-title">
      <header>
        <h1 id="streams-title" class="page-title">
          Streams
        </h1>
        <SpanLinks
          label="Span of the graphs"
          spans={RANGES}
          current={range().key}
          addressOf={(key) =>
            address({ range: key === DEFAULT_RANGE ? '' : key, from: '', to: '' })
          }
        />
      </header>
      <Show
        when={streams().length > 0}
        fallback={
          <Show when={!known.loading}>
            <div class="empty pad">
              <p>No stream was heard in this span.</p>
              <p>
                A stream is a log that grows or a value that is measured. On a machine that has
                logs, name them in a file and let it be read every few minutes:
              </p>
              <pre>{COLLECTED}</pre>
              <p>
                Measured values come by <code>grange streams datalog</code>; with{' '}
                <code>--help</code> both commands tell what they know.
              </p>
            </div>
          </Show>
        }
      >
        <div class="asked">
          <fieldset class="choices">
            <legend class="visually-hidden">Streams to draw</legend>
            <For each={streams()}>
              {(name) => (
                <label>
                  <input
                    type="checkbox"
                    checked={chosen().includes(name)}
                    onChange={(event) => pick(name, event.currentTarget.checked)}
                  />
                  <span>{name}</span>
                </label>
              )}
            </For>
          </fieldset>
          <label>
            <input
              type="checkbox"
              checked={word('together') === '1'}
              onChange={(event) => change({ together: event.currentTarget.checked ? '1' : '' })}
            />
            <span>as one</span>
          </label>
          <p class="files">
            <a href={picture('png')} download="">
              PNG
            </a>
            <a href={picture('csv')} download="">
              CSV
            </a>
          </p>
        </div>
        <StreamComparison streams={chosen()} hours={range().hours} minute={minute()} />
        <figure class="stream-picture">
          <img src={picture('svg')} alt={`Graphs of ${names()}, the last ${range().word}`} />
          <figcaption class="quiet">
            {plural(streams().length, 'stream')} heard; shown: {names()}
          </figcaption>
        </figure>
      </Show>
    </section>
  );
}
