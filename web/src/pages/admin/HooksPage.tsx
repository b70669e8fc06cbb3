import { For, Show, createSignal } from 'solid-js';
import {
  EVENTS,
  getDeliveries,
  getHooks,
  putHook,
  removeHook,
  removeMessages,
  replayDelivery,
  testHook,
  type DeliveryRow,
  type HookRow,
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

const words = (name: string) => name.replaceAll('_', ' ');
const minutes = (of: number) =>
  `${String(Math.floor(of / 60)).padStart(2, '0')}:${String(of % 60).padStart(2, '0')}`;

/** Where an event came to: a delivery in words. */
const outcome = (one: DeliveryRow) =>
  one.status === 'delivered'
    ? 'delivered'
    : `${words(one.status)} after ${plural(one.attempts, 'try', 'tries')}${one.error ? `: ${one.error}` : ''}`;

/** Programs and web addresses that are told of events, and people who hear of their jobs. */
export default function HooksPage() {
  createTitle(() => 'Hooks');
  const farm = useFarm();
  const page = createSettings(async (id) => ({
    ...(await getHooks(id)),
    deliveries: await getDeliveries(id),
  }));
  const [secret, setSecret] = createSignal<{ name: string; text: string } | null>(null);
  const [isProgram, setProgram] = createSignal(false);
  const nameOf = (id: string) => page.now()?.hooks.find((one) => one.hook_id === id)?.name ?? id;

  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const name = String(given.get('name')).trim();
    const target = String(given.get('target')).trim();
    const asked = {
      name,
      events: given.getAll('event').map(String),
      url: isProgram() ? '' : target,
      command: isProgram() ? target.split(/\s+/) : [],
    };
    if (asked.events.length === 0) asked.events = ['job_failed'];
    const replaced = page.now()?.hooks.some((one) => one.name === name);
    const worked = await page.run(putHook(page.id(), asked), (made) => {
      setSecret(made.secret === '' ? null : { name, text: made.secret });
      return `${name} is told of ${asked.events.map(words).join(', ')}${replaced ? ', instead of what it was told before' : ''}.`;
    });
    if (worked) form.reset();
  };
  const losing = (hook: HookRow) =>
    hook.waiting === 0
      ? 'It is told nothing more.'
      : hook.waiting === 1
        ? 'It is told nothing more, and the delivery that waits for it is given up.'
        : `It is told nothing more, and ${count(hook.waiting)} deliveries that wait for it are given up.`;

  return (
    <>
      <AdminTabs here="hooks" />
      <h1 class="visually-hidden">Hooks</h1>
      <Refusal text={page.problem()} />
      <p role="status" class="done-note">
        {page.told()}
      </p>
      <Show when={secret()}>
        {(made) => (
          <Panel title={`Secret of ${made().name}`}>
            <p>What the address gets is signed with it. An owner can look at it again.</p>
            <Command text={made().text} />
            <button type="button" onClick={() => setSecret(null)}>
              I have it
            </button>
          </Panel>
        )}
      </Show>
      <Show when={page.now()}>
        {(found) => (
          <>
            <Panel title="Add a hook">
              <form class="in-line" onSubmit={(event) => void add(event)}>
                <label>
                  Name <input name="name" required maxlength="100" pattern="[A-Za-z0-9][\w.\-]*" />
                </label>
                <label>
                  Tells{' '}
                  <select onChange={(event) => setProgram(event.currentTarget.value === 'program')}>
                    <option value="address">a web address</option>
                    <option value="program">a program of the server’s folder of hooks</option>
                  </select>
                </label>
                <label class="grow">
                  {isProgram() ? 'Program and words' : 'Address'}{' '}
                  <input
                    name="target"
                    required
                    type={isProgram() ? 'text' : 'url'}
                    placeholder={isProgram() ? 'to_review.sh --quiet' : 'https://…'}
                  />
                </label>
                <fieldset class="in-line events">
                  <legend>Of</legend>
                  <For each={EVENTS}>
                    {(event) => (
                      <label>
                        <input
                          type="checkbox"
                          name="event"
                          value={event}
                          checked={event === 'job_failed'}
                        />{' '}
                        {words(event)}
                      </label>
                    )}
                  </For>
                </fieldset>
                <button type="submit">Add</button>
              </form>
              <p class="quiet">A hook of the same name is replaced.</p>
            </Panel>
            <Panel title="Hooks" flush aside={plural(found().hooks.length, 'hook')}>
              <Show
                when={found().hooks.length > 0}
                fallback={
                  <div class="pad empty-settings">
                    <p>Nothing is told of this farm’s events yet. Add a hook above, or:</p>
                    <Command text="grange hook add slack --on job_failed --url https://hooks.studio.example/farm" />
                  </div>
                }
              >
                <div class="scroll-x" role="region" aria-label="Hooks" tabindex="0">
                  <table class="people hooks">
                    <thead>
                      <tr>
                        <th scope="col">Name</th>
                        <th scope="col">Is told of</th>
                        <th scope="col">Where</th>
                        <th scope="col">Waiting</th>
                        <th scope="col">Added</th>
                        <th scope="col">
                          <span class="visually-hidden">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().hooks}>
                        {(hook) => (
                          <tr>
                            <th scope="row">{hook.name}</th>
                            <td data-label="Is told of">{hook.events.map(words).join(', ')}</td>
                            <td data-label="Where" class="mono">
                              {hook.target}
                            </td>
                            <td data-label="Waiting">
                              {hook.waiting}
                              <Show when={hook.last_error}>
                                {(error) => <div class="wrong">{error()}</div>}
                              </Show>
                            </td>
                            <td data-label="Added">
                              <span class="quiet" data-tip={full(hook.created_at, farm.zone())}>
                                {ago(hook.created_at, now())} by {hook.created_by}
                              </span>
                            </td>
                            <td class="verbs">
                              <button
                                type="button"
                                class="quiet-button"
                                aria-label={`Test ${hook.name}`}
                                onClick={() =>
                                  void page.run(
                                    testHook(page.id(), hook.hook_id),
                                    (one) => `${hook.name}: the test was ${outcome(one)}.`,
                                  )
                                }
                              >
                                Test
                              </button>
                              <Sure
                                word="Remove"
                                of={hook.name}
                                consequence={losing(hook)}
                                onSure={() =>
                                  void page.run(
                                    removeHook(page.id(), hook.hook_id),
                                    () => `${hook.name} is told nothing more.`,
                                  )
                                }
                              />
                            </td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Show>
            </Panel>
            <Panel
              title="Messages to people"
              flush
              aside={plural(found().messages.length, 'person', 'people')}
            >
              <Show
                when={found().messages.length > 0}
                fallback={
                  <div class="pad empty-settings">
                    <p>Nobody hears of their jobs by mail or chat yet. For example:</p>
                    <Command text="grange hook tell ann --to ntfy://ntfy.studio.example/ann --quiet 22:00-07:00" />
                  </div>
                }
              >
                <div class="scroll-x" role="region" aria-label="Messages" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">Who</th>
                        <th scope="col">Hears of their</th>
                        <th scope="col">At</th>
                        <th scope="col">Quiet</th>
                        <th scope="col">Last</th>
                        <th scope="col">
                          <span class="visually-hidden">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().messages}>
                        {(one) => (
                          <tr>
                            <th scope="row">{one.user}</th>
                            <td data-label="Hears of">{one.events.map(words).join(', ')}</td>
                            <td data-label="At" class="mono">
                              {one.to.join(', ')}
                            </td>
                            <td data-label="Quiet">
                              {one.quiet === null
                                ? 'never'
                                : `${minutes(one.quiet[0])}–${minutes(one.quiet[1])}`}
                            </td>
                            <td data-label="Last">
                              {one.told_at === null ? 'not yet' : ago(one.told_at, now())}
                            </td>
                            <td class="verbs">
                              <Sure
                                word="Remove"
                                of={`messages to ${one.user}`}
                                consequence={`${one.user} hears nothing more of their jobs.`}
                                onSure={() =>
                                  void page.run(
                                    removeMessages(page.id(), one.user),
                                    () => `${one.user} hears nothing more.`,
                                  )
                                }
                              />
                            </td>
                          </tr>
                        )}
                      </For>
                    </tbody>
                  </table>
                </div>
              </Show>
            </Panel>
            <Show when={found().deliveries.length > 0}>
              <Panel title="Last deliveries" flush aside="kept for 30 days">
                <div class="scroll-x" role="region" aria-label="Deliveries" tabindex="0">
                  <table class="people">
                    <thead>
                      <tr>
                        <th scope="col">When</th>
                        <th scope="col">Event</th>
                        <th scope="col">To</th>
                        <th scope="col">Outcome</th>
                        <th scope="col">
                          <span class="visually-hidden">Actions</span>
                        </th>
                      </tr>
                    </thead>
                    <tbody>
                      <For each={found().deliveries}>
                        {(one) => (
                          <tr>
                            <th scope="row" data-tip={full(one.created_at, farm.zone())}>
                              {ago(one.created_at, now())}
                            </th>
                            <td data-label="Event">{words(one.event)}</td>
                            <td data-label="To">{nameOf(one.hook_id)}</td>
                            <td data-label="Outcome">{outcome(one)}</td>
                            <td class="verbs">
                              <Show when={found().hooks.some((h) => h.hook_id === one.hook_id)}>
                                <button
                                  type="button"
                                  class="quiet-button"
                                  aria-label={`Send again ${words(one.event)} to ${nameOf(one.hook_id)}`}
                                  onClick={() =>
                                    void page.run(
                                      replayDelivery(page.id(), one),
                                      (done) =>
                                        `${plural(done.replayed, 'delivery', 'deliveries')} on the way again, with the same id.`,
                                    )
                                  }
                                >
                                  Send again
                                </button>
                              </Show>
                            </td>
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
