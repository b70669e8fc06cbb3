import { For, Show, createResource, createSignal } from 'solid-js';
import { reasonOf } from '../../api/client';
import {
  LEVELS,
  addKey,
  addUser,
  getUsers,
  revokeKey,
  setDisabled,
  setLevel,
  setPassword,
  signOutUser,
  type Level,
  type UserRow,
} from '../../api/people';
import { AdminTabs, Refusal } from '../../components/AdminTabs';
import { Command } from '../../components/Command';
import { Panel } from '../../components/Panel';
import { plural } from '../../format/number';
import { ago, full } from '../../format/time';
import { now } from '../../state/clock';
import { useFarm } from '../../state/farm';
import { createTitle } from '../../state/title';

const ROLES = { owner: 'owns the server', member: 'member', worker: 'worker' };

function NewUser(props: { onDone: () => void }) {
  const farm = useFarm();
  const [failure, setFailure] = createSignal('');
  const [role, setRole] = createSignal('member');
  const add = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    const name = String(given.get('name')).trim();
    const level = String(given.get('level')) as Level;
    const id = farm.store.farm!.farm_id;
    setFailure('');
    try {
      await addUser(name, role(), id);
      if (role() === 'member') await setLevel(id, name, level);
      form.reset();
      setRole('member');
    } catch (error) {
      setFailure(reasonOf(error));
    }
    props.onDone();
  };
  return (
    <Panel title="Add a user">
      <form class="in-line" onSubmit={(event) => void add(event)}>
        <label>
          Name <input name="name" required maxlength="64" pattern="[\w.@+\-]+" />
        </label>
        <label>
          Is{' '}
          <select name="role" onChange={(event) => setRole(event.currentTarget.value)}>
            <option value="member">a person</option>
            <option value="worker">a machine: worker or collector</option>
            <Show when={farm.store.me?.role === 'owner'}>
              <option value="owner">an owner of the server</option>
            </Show>
          </select>
        </label>
        <Show when={role() === 'member'}>
          <label>
            May{' '}
            <select name="level">
              <For each={LEVELS}>
                {(level) => (
                  <option value={level} selected={level === 'CONTRIBUTOR'}>
                    {level}
                  </option>
                )}
              </For>
            </select>
          </label>
        </Show>
        <button type="submit">Add</button>
      </form>
      <p class="quiet">
        VIEWER reads. CONTRIBUTOR submits, and acts on own jobs. MANAGER acts on all jobs and
        workers. OWNER also on users, rates and settings. Levels in one queue or on one job are set
        with <code>grange user set</code>.
      </p>
      <Refusal text={failure()} />
    </Panel>
  );
}

interface MadeKey {
  user: string;
  key_id: string;
  secret: string;
}

/** A new key, in the one moment in which its secret can be seen. */
function Secret(props: { made: MadeKey; onSeen: () => void }) {
  return (
    <Panel title={`New key of ${props.made.user}`}>
      <div class="secret" role="status">
        <p>
          <strong>The secret is shown this once.</strong> Copy it now; it is kept nowhere.
        </p>
        <Command text={`export AWS_ACCESS_KEY_ID=${props.made.key_id}`} />
        <Command text={`export AWS_SECRET_ACCESS_KEY=${props.made.secret}`} />
        <button type="button" onClick={() => props.onSeen()}>
          I have it
        </button>
      </div>
    </Panel>
  );
}

interface UserActions {
  user: UserRow;
  onDone: () => void;
  onFail: (text: string) => void;
  onKey: (made: MadeKey | null) => void;
}

function Keys(props: UserActions) {
  const [sure, setSure] = createSignal('');
  const [making, setMaking] = createSignal(false);
  const make = async () => {
    if (making()) return; // a second click would make a second key
    setMaking(true);
    try {
      props.onKey({ user: props.user.name, ...(await addKey(props.user.name)) });
      props.onDone();
    } catch (error) {
      props.onFail(reasonOf(error));
    }
    setMaking(false);
  };
  const revoke = async (key: string) => {
    try {
      await revokeKey(props.user.name, key);
      props.onKey(null);
      props.onDone();
    } catch (error) {
      props.onFail(reasonOf(error));
    }
    setSure('');
  };
  const live = () => props.user.keys.filter((key) => !key.revoked);
  return (
    <>
      <ul class="keys">
        <For each={live()} fallback={<li class="quiet">no key</li>}>
          {(key) => (
            <li>
              <code>{key.key_id}</code> <span class="quiet">{ago(key.created_at, now())}</span>{' '}
              <Show
                when={sure() === key.key_id}
                fallback={
                  <button
                    type="button"
                    class="quiet-button"
                    aria-label={`Revoke ${key.key_id}`}
                    onClick={() => setSure(key.key_id)}
                  >
                    Revoke
                  </button>
                }
              >
                <span class="quiet">What signs with it is refused at once.</span>{' '}
                <button type="button" class="danger" onClick={() => void revoke(key.key_id)}>
                  Revoke it
                </button>{' '}
                <button type="button" onClick={() => setSure('')}>
                  Keep it
                </button>
              </Show>
            </li>
          )}
        </For>
      </ul>
      <button
        type="button"
        class="quiet-button"
        aria-label={`New key for ${props.user.name}`}
        onClick={() => void make()}
      >
        New key
      </button>
    </>
  );
}

function PasswordOf(props: UserActions) {
  const [open, setOpen] = createSignal(false);
  const set = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await setPassword(props.user.name, String(given.get('password')));
      setOpen(false);
      props.onDone();
    } catch (error) {
      props.onFail(reasonOf(error));
    }
  };
  return (
    <Show
      when={open()}
      fallback={
        <>
          {props.user.has_password ? 'has one' : <span class="quiet">none</span>}{' '}
          <button
            type="button"
            class="quiet-button"
            aria-label={`Set the password of ${props.user.name}`}
            onClick={() => setOpen(true)}
          >
            Set
          </button>
        </>
      }
    >
      <form class="in-line" onSubmit={(event) => void set(event)}>
        <input
          name="password"
          type="password"
          required
          minlength="10"
          autocomplete="new-password"
          aria-label={`New password of ${props.user.name}`}
        />
        <button type="submit">Set</button>
        <button type="button" onClick={() => setOpen(false)}>
          Cancel
        </button>
      </form>
    </Show>
  );
}

function UserLine(props: UserActions) {
  const farm = useFarm();
  const id = () => farm.store.farm!.farm_id;
  const here = () =>
    props.user.memberships.find((one) => one.place === 'farm' && one.target_id === id());
  const others = () => props.user.memberships.filter((one) => one !== here());
  const run = (act: Promise<unknown>) =>
    void act.then(props.onDone, (error: unknown) => {
      props.onFail(reasonOf(error));
      props.onDone();
    });
  return (
    <tr data-disabled={props.user.disabled}>
      <th scope="row">
        {props.user.name}
        <Show when={props.user.disabled}>
          <span class="quiet"> (disabled)</span>
        </Show>
      </th>
      <td data-label="Is">{ROLES[props.user.role]}</td>
      <td data-label="May in this farm">
        <Show when={props.user.role === 'member'} fallback={<span class="quiet">–</span>}>
          <select
            aria-label={`What ${props.user.name} may in this farm`}
            onChange={(event) => {
              const level = event.currentTarget.value;
              run(setLevel(id(), props.user.name, level === '' ? null : (level as Level)));
            }}
          >
            <option value="" selected={here() === undefined}>
              nothing
            </option>
            <For each={LEVELS}>
              {(level) => (
                <option value={level} selected={here()?.level === level}>
                  {level}
                </option>
              )}
            </For>
          </select>
          <Show when={others().length > 0}>
            <span
              class="quiet"
              data-tip={others()
                .map((one) => `${one.level} of ${one.place} ${one.target_id}`)
                .join('\n')}
            >
              {' '}
              + {others().length} elsewhere
            </span>
          </Show>
        </Show>
      </td>
      <td data-label="Password">
        <Show when={props.user.role !== 'worker'} fallback={<span class="quiet">–</span>}>
          <PasswordOf {...props} />
        </Show>
      </td>
      <td data-label="Signed in">
        <Show when={props.user.sign_ins > 0} fallback={<span class="quiet">none</span>}>
          {plural(props.user.sign_ins, 'browser')}{' '}
          <button
            type="button"
            class="quiet-button"
            aria-label={`Sign out ${props.user.name} everywhere`}
            onClick={() => run(signOutUser(props.user.name))}
          >
            Sign out
          </button>
        </Show>
      </td>
      <td data-label="Keys">
        <Keys {...props} />
      </td>
      <td data-label="Added">
        <span class="quiet" data-tip={full(props.user.created_at, farm.zone())}>
          {ago(props.user.created_at, now())}
        </span>
      </td>
      <td>
        <button
          type="button"
          class="quiet-button"
          aria-label={`${props.user.disabled ? 'Enable' : 'Disable'} ${props.user.name}`}
          onClick={() => run(setDisabled(props.user.name, !props.user.disabled))}
        >
          {props.user.disabled ? 'Enable' : 'Disable'}
        </button>
      </td>
    </tr>
  );
}

/** Users, what they may, and their keys. */
export default function UsersPage() {
  createTitle(() => 'Users and keys');
  const [users, { refetch }] = createResource(getUsers);
  const [failure, setFailure] = createSignal('');
  const [made, setMade] = createSignal<MadeKey | null>(null);
  const done = () => {
    void refetch();
  };
  const doneWell = () => {
    setFailure('');
    done();
  };
  return (
    <>
      <AdminTabs here="users" />
      <h1 class="visually-hidden">Users and keys</h1>
      <Show when={made()}>{(key) => <Secret made={key()} onSeen={() => setMade(null)} />}</Show>
      <NewUser onDone={done} />
      <Show
        when={!users.error}
        fallback={
          <Panel title="Users">
            <Refusal text={reasonOf(users.error)} />
          </Panel>
        }
      >
        <Panel title="Users" flush aside={plural(users.latest?.length ?? 0, 'user')}>
          <div class="pad-line">
            <Refusal text={failure()} />
          </div>
          <div class="scroll-x" role="region" aria-label="Users" tabindex="0">
            <table class="people">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Is</th>
                  <th scope="col">May in this farm</th>
                  <th scope="col">Password</th>
                  <th scope="col">Signed in</th>
                  <th scope="col">Keys</th>
                  <th scope="col">Added</th>
                  <th scope="col">
                    <span class="visually-hidden">Disable</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <For each={(users.latest ?? []).map((user) => user.name)}>
                  {(name) => (
                    <Show when={users.latest?.find((user) => user.name === name)}>
                      {(user) => (
                        <UserLine
                          user={user()}
                          onDone={doneWell}
                          onFail={setFailure}
                          onKey={setMade}
                        />
                      )}
                    </Show>
                  )}
                </For>
              </tbody>
            </table>
          </div>
        </Panel>
      </Show>
    </>
  );
}
