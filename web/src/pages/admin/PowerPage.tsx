import { For, Show, createMemo, createSignal } from 'solid-js';
import { A } from '@solidjs/router';
import type { WorkerRow } from '../../api/types';
import { getPower, putPolicy, removePolicy, type PowerPolicy } from '../../api/settings';
import { AdminTabs, Refusal } from '../../components/AdminTabs';
import { Command } from '../../components/Command';
import { Panel } from '../../components/Panel';
import { Sure } from '../../components/Sure';
import { plural } from '../../format/number';
import { ago, duration, full } from '../../format/time';
import { now } from '../../state/clock';
import { useFarm } from '../../state/farm';
import { createSettings } from '../../state/settings';
import { createTitle } from '../../state/title';

const USUAL = { wake_most: 10, wake_tries: 3, boot_seconds: 600, hours: 'always' };
const after = (seconds: number | null, word: string) =>
  seconds === null ? 'never' : `after ${duration(seconds * 1000)} ${word}`;

/** When machines are woken, turned off and started anew. */
export default function PowerPage() {
  createTitle(() => 'Power');
  const farm = useFarm();
  const page = createSettings(getPower);
  const [scope, setScope] = createSignal('farm');
  const [isWoken, setWoken] = createSignal(true);
  const [idle, setIdle] = createSignal<number | null>(null);
  const [keep, setKeep] = createSignal(0);

  const fleets = () =>
    Object.entries(farm.store.fleets).map(([id, name]) => [`fleet:${id}`, name] as const);
  const groups = createMemo(() => [
    ...new Set(farm.store.workers.flatMap((one) => one.groups?.split(', ') ?? [])),
  ]);
  const scopeWord = (of: string) => {
    if (of === 'farm') return 'the whole farm';
    const fleet = fleets().find(([key]) => key === of);
    return fleet ? `fleet ${fleet[1]}` : of.replace(':', ' ');
  };
  const isIn = (of: string, worker: WorkerRow) =>
    of === 'farm' ||
    of === `fleet:${worker.fleet_id}` ||
    (of.startsWith('group:') && (worker.groups?.split(', ') ?? []).includes(of.slice(6)));
  /** The policy a machine follows: of a group of it, else its fleet's, else the farm's. */
  const follows = (worker: WorkerRow, among: string[]) =>
    among
      .filter((of) => of.startsWith('group:'))
      .toSorted()
      .find((of) => isIn(of, worker)) ??
    among.find((of) => of === `fleet:${worker.fleet_id}`) ??
    among.find((of) => of === 'farm');
  const scopes = () => page.now()?.policies.map((one) => one.scope) ?? [];
  const led = (of: string) =>
    farm.store.workers.filter((one) => follows(one, [...new Set([...scopes(), of])]) === of);
  const consequence = () => {
    const machines = led(scope());
    const doNothing = machines.filter((one) => one.status === 'idle').length;
    const off = machines.filter((one) => one.status === 'off').length;
    const parts = [`${plural(machines.length, 'machine')} of ${scopeWord(scope())} will follow it`];
    if (isWoken())
      parts.push(
        off === 0
          ? 'none of them is off now; one that is will be woken when work waits that it could take'
          : `${off} that are off now will be woken when work waits that they could take`,
      );
    if (idle() !== null)
      parts.push(
        `${doNothing} that have nothing to do now will be turned off in about ${idle()} min, down to ${keep()} that stay on`,
      );
    return `${parts.join('; ')}.`;
  };
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const before = page.now()?.policies.find((one) => one.scope === scope());
    const up = String(given.get('up'));
    await page.run(
      putPolicy(page.id(), scope(), {
        wake: isWoken(),
        wake_most: before?.wake_most ?? USUAL.wake_most,
        wake_tries: before?.wake_tries ?? USUAL.wake_tries,
        boot_seconds: before?.boot_seconds ?? USUAL.boot_seconds,
        shutdown_idle_seconds: idle() === null ? null : idle()! * 60,
        restart_up_seconds: up === '' ? null : Number(up) * 3600,
        keep_on: keep(),
        hours: String(given.get('hours')).trim() || USUAL.hours,
        address: before?.address ?? '255.255.255.255',
        port: before?.port ?? 9,
      }),
      () => `The policy of ${scopeWord(scope())} holds from now on.`,
    );
  };
  const without = (policy: PowerPolicy) => {
    const rest = scopes().filter((one) => one !== policy.scope);
    const machines = led(policy.scope);
    const others = machines.filter((one) => follows(one, rest) !== undefined).length;
    return `${plural(machines.length, 'machine')} follow it: ${others} will follow a wider policy, ${machines.length - others} are left as they are.`;
  };
  const busy = () =>
    page.now()?.machines.filter((one) => one.order !== null || one.booting_since_at !== null) ?? [];

  return (
    <>
      <AdminTabs here="power" />
      <h1 class="visually-hidden">Power</h1>
      <Refusal text={page.problem()} />
      <p role="status" class="done-note">
        {page.told()}
      </p>
      <Show when={page.now()}>
        {(found) => (
          <>
            <Panel
              title="Policies"
              flush
              aside={plural(found().policies.length, 'policy', 'policies')}
            >
              <Show
                when={found().policies.length > 0}
                fallback={
                  <div class="pad empty-settings">
                    <p>There are no policies: machines are left as they are. For example:</p>
                    <Command text="grange power set farm --wake --shutdown-idle 30m --keep-on 2" />
                    <p class="quiet">
                      Machines are turned off by what their workers were started with:{' '}
                      <code>grange worker run --shutdown-command COMMAND</code>.
                    </p>
                  </div>
                }
              >
                <div class="scroll-x" role="region" aria-label="Policies" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">Machines of</th>
                        <th scope="col">Woken</th>
                        <th scope="col">Turned off</th>
                        <th scope="col">Restarted</th>
                        <th scope="col">Stay on</th>
                        <th scope="col">Hours</th>
                        <th scope="col">Set</th>
                        <th scope="col">
                          <span class="visually-hidden">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().policies}>
                        {(one) => (
                          <tr>
                            <th scope="row">{scopeWord(one.scope)}</th>
                            <td data-label="Woken">{one.wake ? 'when work waits' : 'never'}</td>
                            <td data-label="Turned off">
                              {after(one.shutdown_idle_seconds, 'idle')}
                            </td>
                            <td data-label="Restarted">{after(one.restart_up_seconds, 'up')}</td>
                            <td data-label="Stay on">{one.keep_on}</td>
                            <td data-label="Hours">{one.hours}</td>
                            <td data-label="Set">
                              <span class="quiet" data-tip={full(one.updated_at, farm.zone())}>
                                {ago(one.updated_at, now())} by {one.updated_by}
                              </span>
                            </td>
                            <td class="verbs">
                              <Show when={page.isOwner()}>
                                <Sure
                                  word="Remove"
                                  of={`the policy of ${scopeWord(one.scope)}`}
                                  consequence={without(one)}
                                  onSure={() =>
                                    void page.run(
                                      removePolicy(page.id(), one.scope),
                                      () => `The policy of ${scopeWord(one.scope)} is removed.`,
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
              fallback={<p class="quiet">Owners of the farm change policies.</p>}
            >
              <Panel title="Set a policy">
                <form class="in-line" onSubmit={(event) => void save(event)}>
                  <label>
                    Machines of{' '}
                    <select onChange={(event) => setScope(event.currentTarget.value)}>
                      <option value="farm">the whole farm</option>
                      <For each={fleets()}>
                        {([key, name]) => <option value={key}>fleet {name}</option>}
                      </For>
                      <For each={groups()}>
                        {(name) => <option value={`group:${name}`}>group {name}</option>}
                      </For>
                    </select>
                  </label>
                  <label>
                    <input
                      type="checkbox"
                      checked={isWoken()}
                      onChange={(event) => setWoken(event.currentTarget.checked)}
                    />{' '}
                    Wake when work waits
                  </label>
                  <label>
                    Turn off after{' '}
                    <input
                      class="few"
                      type="number"
                      min="1"
                      max="100000"
                      placeholder="never"
                      onInput={(event) =>
                        setIdle(
                          event.currentTarget.value === ''
                            ? null
                            : event.currentTarget.valueAsNumber,
                        )
                      }
                    />{' '}
                    min idle
                  </label>
                  <label>
                    Stay on{' '}
                    <input
                      class="few"
                      type="number"
                      min="0"
                      max="100000"
                      value="0"
                      onInput={(event) => setKeep(event.currentTarget.valueAsNumber || 0)}
                    />
                  </label>
                  <label>
                    Restart after{' '}
                    <input class="few" name="up" type="number" min="1" placeholder="never" /> h up
                  </label>
                  <label>
                    Hours <input name="hours" placeholder="always" />
                  </label>
                  <button type="submit">Save</button>
                </form>
                <p>{consequence()}</p>
                <p class="quiet">
                  A machine follows its group’s policy, else its fleet’s, else the farm’s. Hours say
                  when machines may be turned off, e.g. <code>Mon-Fri 20:00-07:00</code>. The rest
                  is set with <code>grange power set</code>.
                </p>
              </Panel>
            </Show>
            <Show when={busy().length > 0}>
              <Panel
                title="Machines going up or down"
                flush
                aside={plural(busy().length, 'machine')}
              >
                <div class="scroll-x" role="region" aria-label="Machines" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">Worker</th>
                        <th scope="col">Told</th>
                        <th scope="col">Starting</th>
                        <th scope="col">Tries</th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={busy()}>
                        {(one) => (
                          <tr>
                            <th scope="row">
                              <A href={`/workers/${one.worker_id}`}>{one.name}</A>
                            </th>
                            <td data-label="Told">
                              {one.order === null
                                ? '–'
                                : `${one.order} by ${one.ordered_by ?? '–'}`}
                            </td>
                            <td data-label="Starting">
                              {one.booting_since_at === null
                                ? 'no'
                                : `since ${ago(one.booting_since_at, now())}`}
                            </td>
                            <td data-label="Tries">{one.wake_tries}</td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Panel>
            </Show>
          </>
        )}
      </Show>
    </>
  );
}
