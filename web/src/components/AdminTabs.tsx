import { For, Show } from 'solid-js';
import { A } from '@solidjs/router';

const PAGES = [
  ['users', 'Users and keys'],
  ['audit', 'Audit log'],
  ['hooks', 'Hooks'],
  ['power', 'Power'],
  ['licences', 'Licences'],
] as const;

/** The way from one page of the administration to the others. */
export function AdminTabs(props: { here: (typeof PAGES)[number][0] }) {
  return (
    <nav class="tabs" aria-label="Administration">
      <For each={PAGES}>
        {([page, word]) => (
          <A href={`/admin/${page}`} aria-current={props.here === page ? 'page' : undefined}>
            {word}
          </A>
        )}
      </For>
    </nav>
  );
}

/** Why something was refused, in the server's words. */
export function Refusal(props: { text: string }) {
  return (
    <Show when={props.text}>
      <p class="wrong" role="alert">
        {props.text}
      </p>
    </Show>
  );
}
