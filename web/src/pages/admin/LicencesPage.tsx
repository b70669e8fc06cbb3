import { For, Show, createResource, createSignal } from 'solid-js';
import { A } from '@solidjs/router';
import { findJobs } from '../../api/client';
import {
  REGIONS,
  getLicences,
  putLicences,
  removeLicences,
  type Pool,
  type Region,
  type Terms,
} from '../../api/settings';
import { AdminTabs, Refusal } from '../../components/AdminTabs';
import { Command } from '../../components/Command';
import { Panel } from '../../components/Panel';
import { Sure } from '../../components/Sure';
import { count, plural } from '../../format/number';
import { ago, full } from '../../format/time';
import { now } from '../../state/clock';
import { useFarm } from '../../state/farm';
import { createSettings } from '../../state/settings';
import { createTitle } from '../../state/title';

const poolWord = (pool: { app: string; plugin: string; version: string }) =>
  [pool.app, pool.plugin, pool.version].filter(Boolean).join(' ');

/** How many licences there are, where, and what licence servers outside the farm say. */
export default function LicencesPage() {
  createTitle(() => 'Licences');
  const farm = useFarm();
  const page = createSettings(getLicences);
  const [app, setApp] = createSignal('');
  const [plugin, setPlugin] = createSignal('');
  const [version, setVersion] = createSignal('');
  const [region, setRegion] = createSignal<Region>('default');
  const [seats, setSeats] = createSignal<number | null>(null);
  const [waiting] = createResource(page.id, async (id) => {
    const found = await findJobs(id, { where: 'waits=licence', limit: 1000, after: null });
    return found.matched === null ? null : found.matched;
  });
  const key = () => ({ app: app().trim(), plugin: plugin().trim(), version: version().trim() });
  const known = () => page.now()?.pools.find((one) => poolWord(one) === poolWord(key()));
  const terms = (of: Terms, currency: string) => {
    const number = `${count(of.in_use)} of ${of.unlimited ? 'unlimited' : count(of.count)}`;
    return Number(of.cost) === 0 ? number : `${number}, ${Number(of.cost)} ${currency}/h each`;
  };
  const consequence = () => {
    if (key().app === '') return 'Work of an application that is not counted takes any number.';
    const before = known()?.regions[region()];
    const had = before === undefined || before.unlimited ? 'any number' : count(before.count);
    const has = seats() === null ? 'any number' : count(seats()!);
    const fewer =
      seats() !== null && (before === undefined || before.unlimited || seats()! < before.count);
    const after = fewer
      ? 'Sessions that hold one keep it until they end; others wait.'
      : 'Work that waits for one starts when a worker asks next.';
    return `${poolWord(key())} in ${region()}: ${had} until now, ${has} from now on. ${after}`;
  };
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const cost = String(given.get('cost')).trim() || known()?.regions[region()].cost || '0';
    await page.run(
      putLicences(page.id(), key(), {
        [region()]: { count: seats() ?? 0, unlimited: seats() === null, cost },
      }),
      () => `Licences of ${poolWord(key())} in ${region()} are set.`,
    );
  };
  const without = (pool: Pool) =>
    `Nobody counts licences of ${poolWord(pool)} any more: work that waits for one starts, whether the vendor’s server has one or not.`;

  return (
    <>
      <AdminTabs here="licences" />
      <h1 class="visually-hidden">Licences</h1>
      <Refusal text={page.problem()} />
      <p role="status" class="done-note">
        {page.told()}
      </p>
      <Show when={page.now()}>
        {(found) => (
          <>
            <Panel
              title="Licences in use"
              flush
              aside={
                <Show when={waiting()} fallback={plural(found().pools.length, 'pool')}>
                  {(jobs) => (
                    <A href="/jobs?where=waits%3Dlicence">
                      {plural(jobs(), 'job')} {jobs() === 1 ? 'waits' : 'wait'} for one
                    </A>
                  )}
                </Show>
              }
            >
              <Show
                when={found().pools.length > 0}
                fallback={
                  <div class="pad empty-settings">
                    <p>No licences are counted yet: work takes any number. Count some below, or:</p>
                    <Command text="grange licence set nuke --count 20 --cost 0.50" />
                  </div>
                }
              >
                <div class="scroll-x" role="region" aria-label="Licence pools" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">Of</th>
                        <For each={REGIONS}>{(name) => <th scope="col">{name}</th>}</For>
                        <th scope="col">Set</th>
                        <th scope="col">
                          <span class="visually-hidden">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().pools}>
                        {(pool) => (
                          <tr>
                            <th scope="row">{poolWord(pool)}</th>
                            <For each={REGIONS}>
                              {(name) => (
                                <td data-label={name}>
                                  <span classList={{ quiet: !pool.regions[name].is_set }}>
                                    {terms(pool.regions[name], found().currency)}
                                    <Show when={!pool.regions[name].is_set}> (default)</Show>
                                  </span>
                                </td>
                              )}
                            </For>
                            <td data-label="Set">
                              <span class="quiet" data-tip={full(pool.updated_at, farm.zone())}>
                                {ago(pool.updated_at, now())} by {pool.updated_by}
                              </span>
                            </td>
                            <td class="verbs">
                              <Show when={page.isOwner()}>
                                <Sure
                                  word="Remove"
                                  of={`licences of ${poolWord(pool)}`}
                                  consequence={without(pool)}
                                  onSure={() =>
                                    void page.run(
                                      removeLicences(page.id(), pool),
                                      () => `Licences of ${poolWord(pool)} are counted no more.`,
                                    )
                                  }
                                />
                              </Show>
                            </td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Show>
            </Panel>
            <Show
              when={page.isOwner()}
              fallback={<p class="quiet">Owners of the farm change licences.</p>}
            >
              <Panel title="Count licences">
                <form class="in-line" onSubmit={(event) => void save(event)}>
                  <label>
                    Application{' '}
                    <input
                      required
                      maxlength="128"
                      onInput={(e) => setApp(e.currentTarget.value)}
                    />
                  </label>
                  <label>
                    Plugin <input onInput={(e) => setPlugin(e.currentTarget.value)} />
                  </label>
                  <label>
                    Version{' '}
                    <input placeholder="every" onInput={(e) => setVersion(e.currentTarget.value)} />
                  </label>
                  <label>
                    Region{' '}
                    <select onChange={(e) => setRegion(e.currentTarget.value as Region)}>
                      <For each={REGIONS}>{(name) => <option value={name}>{name}</option>}</For>
                    </select>
                  </label>
                  <label>
                    How many{' '}
                    <input
                      class="few"
                      type="number"
                      min="0"
                      placeholder="any"
                      onInput={(e) =>
                        setSeats(
                          e.currentTarget.value === '' ? null : e.currentTarget.valueAsNumber,
                        )
                      }
                    />
                  </label>
                  <label>
                    {found().currency} an hour{' '}
                    <input class="few" name="cost" inputmode="decimal" pattern="\d+(\.\d+)?" />
                  </label>
                  <button type="submit">Save</button>
                </form>
                <p>{consequence()}</p>
                <p class="quiet">
                  What holds in a region that is not set is the default’s. Jobs name the application
                  as their attribute <code>app</code>.
                </p>
              </Panel>
            </Show>
            <Panel title="Licence servers outside the farm" flush>
              <Show
                when={found().servers.length > 0}
                fallback={
                  <div class="pad empty-settings">
                    <p>
                      No licence server is asked. Name those that are in <code>licences.toml</code>{' '}
                      of the server’s data folder; then the farm takes no seat that artists hold.
                    </p>
                  </div>
                }
              >
                <div class="scroll-x" role="region" aria-label="Licence servers" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">Server of</th>
                        <th scope="col">Region</th>
                        <th scope="col">Seats for us</th>
                        <th scope="col">Others use</th>
                        <th scope="col">Answered</th>
                        <th scope="col">Problem</th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().servers}>
                        {(one) => (
                          <tr>
                            <th scope="row">{poolWord(one)}</th>
                            <td data-label="Region">{one.region}</td>
                            <td data-label="Seats for us">{count(one.seats)}</td>
                            <td data-label="Others use">
                              {one.others === null ? '–' : count(one.others)}
                            </td>
                            <td data-label="Answered">
                              {one.answered_at === null ? 'never' : ago(one.answered_at, now())}
                            </td>
                            <td data-label="Problem">
                              <Show when={one.problem} fallback="none">
                                <span class="wrong">{one.problem}</span>
                              </Show>
                            </td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Show>
            </Panel>
          </>
        )}
      </Show>
    </>
  );
}
