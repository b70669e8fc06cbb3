import { Command } from '../components/Command';

/** What a browser sees that nobody has signed in. */
export function SignIn() {
  return (
    <main>
      <section class="notice">
        <h1>Sign in from a terminal</h1>
        <p>
          Grange has no password form. On a machine whose <code>grange</code> command may use this
          farm, run:
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
