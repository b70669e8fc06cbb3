import { Show } from 'solid-js';
import { A } from '@solidjs/router';

/** The way from one page about people to the other. */
export function AdminTabs(props: { here: 'users' | 'audit' }) {
  return (
    <nav class="tabs" aria-label="Administration">
      <A href="/admin/users" aria-current={props.here === 'users' ? 'page' : undefined}>
        Users and keys
      </A>
      <A href="/admin/audit" aria-current={props.here === 'audit' ? 'page' : undefined}>
        Audit log
      </A>
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
