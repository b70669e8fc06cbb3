import { For, Show, createResource, createSignal } from 'solid-js';
import { reasonOf } from '../api/client';
import { getMySignIns, setMyPassword, signOut, signOutEverywhere, signOutOne } from '../api/people';
import { Refusal } from '../components/AdminTabs';
import { KeyList } from '../components/Keys';
import { Panel } from '../components/Panel';
import { plural } from '../format/number';
import { ago } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { createTitle } from '../state/title';

/** Firefox 140 on Linux, out of what a browser calls itself. */
function browserName(told: string): string {
  const name = /(Firefox|Edg|OPR|Chrome|HeadlessChrome|Version)\/(\d+)/.exec(told);
  const system = /(Windows|Mac OS X|Android|iPhone|iPad|Linux)/.exec(told);
  if (name === null) return told.slice(0, 60) || 'unnamed';
  const words: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' };
  const on = system === null ? '' : ` on ${system[1]}`;
  return `${words[name[1]!] ?? name[1]} ${name[2]}${on}`;
}

/** A farm or queue by its name; what has none that is known here, by its id. */
function PlaceName(props: { id: string }) {
  const farm = useFarm();
  const name = () =>
    farm.store.farms.find((one) => one.farm_id === props.id)?.name ?? farm.store.queues[props.id];
  return (
    <Show when={name()} fallback={<code>{props.id}</code>}>
      {(known) => <b data-tip={props.id}>{known()}</b>}
    </Show>
  );
}

function PasswordForm(props: { onDone: () => void }) {
  const farm = useFarm();
  const [failure, setFailure] = createSignal('');
  const [done, setDone] = createSignal(false);
  const [has, setHas] = createSignal(farm.store.me?.has_password ?? false);
  const change = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    setFailure('');
    setDone(false);
    try {
      await setMyPassword(String(given.get('current') ?? ''), String(given.get('password')));
      form.reset();
      setDone(true);
      setHas(true);
      props.onDone();
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  return (
    <form class="in-line" onSubmit={(event) => void change(event)}>
      <Show when={has()}>
        <label>
          Present password{' '}
          <input name="current" type="password" required autocomplete="current-password" />
        </label>
      </Show>
      <label>
        New password{' '}
        <input
          name="password"
          type="password"
          required
          minlength="10"
          autocomplete="new-password"
        />
      </label>
      <button type="submit">{has() ? 'Change it' : 'Set it'}</button>
      <Show when={done()}>
        <span role="status">Changed; other browsers are signed out.</span>
      </Show>
      <Refusal text={failure()} />
    </form>
  );
}

/** Who I am here: levels, password, browsers. */
export default function AccountPage() {
  const farm = useFarm();
  createTitle(() => 'Your account');
  const [signIns, { refetch }] = createResource(getMySignIns);
  const me = () => farm.store.me;
  return (
    <>
      <h1 class="visually-hidden">Your account</h1>
      <Panel
        title={me()?.name ?? ''}
        aside={me()?.role === 'owner' ? 'owns the server' : (me()?.role ?? '')}
      >
        <Show
          when={me()?.role === 'member'}
          fallback={<p>You may do everything on this server.</p>}
        >
          <ul class="needs">
            <For each={me()?.memberships ?? []} fallback={<li>You are no member of any farm.</li>}>
              {(one) => (
                <li>
                  <strong>{one.level}</strong> of {one.place} <PlaceName id={one.target_id} />
                </li>
              )}
            </For>
          </ul>
        </Show>
        <p class="below">
          <button type="button" onClick={() => void signOut()}>
            Sign out
          </button>
        </p>
      </Panel>
      <Panel title="Keys">
        <KeyList />
      </Panel>
      <Panel title="Password">
        <PasswordForm onDone={() => void refetch()} />
      </Panel>
      <Panel
        title="Browsers that are signed in"
        aside={plural(signIns.latest?.length ?? 0, 'browser')}
      >
        <ul class="needs">
          <For each={signIns.latest ?? []}>
            {(one) => (
              <li>
                <span>
                  {one.this ? <strong>This one</strong> : browserName(one.browser)}{' '}
                  <span class="quiet">
                    from {one.address}, by {one.how}, {ago(one.created_at, now())}
                  </span>
                </span>
                <Show when={!one.this}>
                  <button
                    type="button"
                    class="quiet-button"
                    onClick={() => void signOutOne(one.sign_in_id).then(() => refetch())}
                  >
                    Sign out
                  </button>
                </Show>
              </li>
            )}
          </For>
        </ul>
        <p class="below">
          <button
            type="button"
            class="danger"
            onClick={() => void signOutEverywhere().then(() => window.location.assign('/'))}
          >
            Sign out everywhere
          </button>
        </p>
      </Panel>
    </>
  );
}
