import { For, Show, createEffect, createSignal, on } from 'solid-js';
import { A, useSearchParams } from '@solidjs/router';
import { reasonOf } from '../../api/client';
import { getAudit, type AuditRow } from '../../api/people';
import { AdminTabs, Refusal } from '../../components/AdminTabs';
import { Panel } from '../../components/Panel';
import { Shape } from '../../components/Shape';
import { ago, full } from '../../format/time';
import { now } from '../../state/clock';
import { useFarm } from '../../state/farm';
import { createTitle } from '../../state/title';

const RANGES = [
  { key: '24h', word: '24 h', hours: 24 },
  { key: '7d', word: '7 days', hours: 168 },
  { key: '30d', word: '30 days', hours: 720 },
  { key: 'all', word: 'All', hours: null },
];
const QUICK = [
  { word: 'Refused', where: 'outcome=refused' },
  { word: 'Sign-ins', where: 'operation=SignIn' },
  { word: 'Users and keys', where: 'kind=user' },
  { word: 'Jobs', where: 'kind=job' },
];

/** What was asked for, in words. */
function told(detail: string): string {
  try {
    const pairs = Object.entries(JSON.parse(detail) as Record<string, unknown>);
    const plain = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
    return pairs.map(([name, value]) => `${name.replaceAll('_', ' ')} ${plain(value)}`).join(', ');
  } catch {
    return detail; // it was cut, or there is none
  }
}

function Subject(props: { row: AuditRow }) {
  return (
    <Show
      when={props.row.kind === 'job'}
      fallback={
        <>
          <span class="quiet">{props.row.kind}</span> {props.row.subject}
        </>
      }
    >
      <span class="quiet">job</span>{' '}
      <A href={`/jobs/${encodeURIComponent(props.row.subject)}`}>{props.row.subject}</A>
    </Show>
  );
}

/** Who did what, or tried to. */
export default function AuditPage() {
  createTitle(() => 'Audit log');
  const farm = useFarm();
  const [query, setQuery] = useSearchParams<{ where?: string; range?: string }>();
  const [rows, setRows] = createSignal<AuditRow[] | null>(null);
  const [older, setOlder] = createSignal<string | null>(null);
  const [failure, setFailure] = createSignal('');
  const range = () => RANGES.find((one) => one.key === query.range) ?? RANGES[1]!;
  // Owners of the server see all of it; owners of a farm what was done there.
  const scope = () => (farm.store.me?.role === 'owner' ? null : farm.store.farm!.farm_id);
  let asks = 0;
  const load = async (before?: string) => {
    const hours = range().hours;
    const mine = (asks += 1);
    try {
      const found = await getAudit(scope(), {
        where: query.where ?? '',
        ...(hours === null ? {} : { since: Math.round(Date.now() - hours * 3_600_000) }),
        ...(before === undefined ? {} : { before }),
        limit: 100,
      });
      if (mine !== asks) return; // something else was asked meanwhile
      setRows((known) => [...(before === undefined ? [] : (known ?? [])), ...found.entries]);
      setOlder(found.older);
      setFailure('');
    } catch (error) {
      if (mine === asks) setFailure(reasonOf(error));
    }
  };
  createEffect(on([() => query.where, () => query.range], () => void load()));
  return (
    <>
      <AdminTabs here="audit" />
      <section class="panel" aria-labelledby="audit-title">
        <header>
          <h1 id="audit-title" class="page-title">
            Audit log
          </h1>
          <div class="aside">written with each act, never changed</div>
        </header>
        <form
          class="in-line pad-line"
          onSubmit={(event) => {
            event.preventDefault();
            const given = new FormData(event.currentTarget);
            setQuery({ where: String(given.get('where')) || undefined });
          }}
        >
          <label class="grow">
            Which{' '}
            <input
              name="where"
              value={query.where ?? ''}
              placeholder="actor=ana outcome=refused"
              spellcheck={false}
            />
          </label>
          <label>
            Since{' '}
            <select onChange={(event) => setQuery({ range: event.currentTarget.value })}>
              <For each={RANGES}>
                {(one) => (
                  <option value={one.key} selected={one.key === range().key}>
                    {one.word}
                  </option>
                )}
              </For>
            </select>
          </label>
          <button type="submit">Show</button>
          <span class="quick">
            <For each={QUICK}>
              {(one) => (
                <button
                  type="button"
                  class="quiet-button"
                  aria-pressed={query.where === one.where}
                  onClick={() =>
                    setQuery({ where: query.where === one.where ? undefined : one.where })
                  }
                >
                  {one.word}
                </button>
              )}
            </For>
          </span>
        </form>
        <div class="pad-line">
          <Refusal text={failure()} />
        </div>
        <Show
          when={(rows()?.length ?? 0) > 0}
          fallback={
            <p class="empty pad">{rows() === null ? 'Reading…' : 'Nothing of that kind.'}</p>
          }
        >
          <div class="scroll-x" role="region" aria-label="Entries" tabindex="0">
            <table class="people audit">
              <thead>
                <tr>
                  <th scope="col">When</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">To</th>
                  <th scope="col">Outcome</th>
                  <th scope="col">More</th>
                  <th scope="col">From</th>
                </tr>
              </thead>
              <tbody>
                <For each={rows()}>
                  {(row) => (
                    <tr>
                      <td data-label="When" data-tip={full(row.at, farm.zone())}>
                        {ago(row.at, now())}
                      </td>
                      <td data-label="Who">{row.actor}</td>
                      <td data-label="What">{row.operation.replace('grange:', '')}</td>
                      <td data-label="To" class="subject">
                        <Subject row={row} />
                      </td>
                      <td data-label="Outcome">
                        <span
                          class="chip plain"
                          data-tone={row.outcome === 'done' ? 'done' : 'failed'}
                        >
                          <Shape name={row.outcome === 'done' ? 'check' : 'slash'} />
                          {row.outcome}
                        </span>
                      </td>
                      <td data-label="More" class="more">
                        {row.reason || told(row.detail)}
                      </td>
                      <td data-label="From" class="quiet">
                        {row.address} {row.credential}
                      </td>
                    </tr>
                  )}
                </For>
              </tbody>
            </table>
          </div>
          <Show when={older()}>
            {(before) => (
              <p class="pad-line">
                <button type="button" onClick={() => void load(before())}>
                  Older ones
                </button>
              </p>
            )}
          </Show>
        </Show>
      </section>
      <Show when={rows() !== null || failure()}>
        <Panel title="From the command line">
          <p class="quiet">
            <code>grange admin audit --since 7d --where "outcome=refused"</code>, with{' '}
            <code>--json</code> for programs.
          </p>
        </Panel>
      </Show>
    </>
  );
}
