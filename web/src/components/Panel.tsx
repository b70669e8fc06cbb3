import { Show, createUniqueId, type JSX } from 'solid-js';

/** A titled box; `aside` stands at the right of its title. */
export function Panel(props: {
  title: string;
  aside?: JSX.Element;
  class?: string;
  flush?: boolean;
  children: JSX.Element;
}) {
  const id = createUniqueId();
  return (
    <section class={`panel ${props.class ?? ''}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{props.title}</h2>
        <Show when={props.aside}>
          <div class="aside">{props.aside}</div>
        </Show>
      </header>
      <Show when={props.flush} fallback={<div class="body">{props.children}</div>}>
        {props.children}
      </Show>
    </section>
  );
}
