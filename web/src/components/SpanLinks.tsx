import { For, Show } from 'solid-js';

/** Links to the same page over other spans. */
export function SpanLinks(props: {
  label: string;
  /** One that is `named` is no length of time: it is called by its name alone. */
  spans: { key: string; word: string; named?: boolean }[];
  current: string;
  /** Of what is to come. */
  ahead?: boolean;
  addressOf: (key: string) => string;
}) {
  return (
    <nav class="segmented aside" aria-label={props.label}>
      <For each={props.spans}>
        {(one) => (
          <a
            href={props.addressOf(one.key)}
            aria-current={one.key === props.current ? 'true' : undefined}
          >
            <Show when={!one.named}>
              <span class="visually-hidden">{props.ahead ? 'Next ' : 'Last '}</span>
            </Show>
            {one.word}
          </a>
        )}
      </For>
    </nav>
  );
}
