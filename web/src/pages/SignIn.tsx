import { Show, createSignal } from 'solid-js';
import { reasonOf } from '../api/client';
import { signIn } from '../api/people';
import { Command } from '../components/Command';
import { createTitle } from '../state/title';

/** What a browser sees that nobody has signed in. */
export function SignIn() {
  createTitle(() => 'Sign in');
  const [failure, setFailure] = createSignal('');
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const given = new FormData(form);
    setBusy(true);
    setFailure('');
    try {
      await signIn(String(given.get('name')), String(given.get('password')));
      window.location.reload();
    } catch (error) {
      setFailure(reasonOf(error));
      form.querySelector<HTMLInputElement>('[name=password]')?.select();
      setBusy(false);
    }
  };
  return (
    <main>
      <section class="notice sign-in">
        <h1>Sign in to the farm</h1>
        <form method="post" action="/login" onSubmit={(event) => void submit(event)}>
          <Show when={failure()}>
            <p class="wrong" role="alert">
              {failure()}
            </p>
          </Show>
          <input type="hidden" name="next" value={window.location.pathname} />
          <label>
            Name
            <input name="name" required autocomplete="username" autocapitalize="none" />
          </label>
          <label>
            Password
            <input name="password" type="password" required autocomplete="current-password" />
          </label>
          <button class="primary" type="submit" disabled={busy()}>
            {busy() ? 'Signing in…' : 'Sign in'}
          </button>
        </form>
        <p class="quiet">
          Without a password: on a machine whose <code>grange</code> command may use this farm, run
        </p>
        <Command text="grange open" />
        <p class="quiet">
          It opens this page with a link that works once, within 60 seconds. Links that are older
          bring you back here.
        </p>
      </section>
    </main>
  );
}
