import { For } from 'solid-js';

/** Links to the same page over other spans. */
export function SpanLinks(props: {
  label: string;
  spans: { key: string; word: string }[];
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
            <span class="visually-hidden">{props.ahead ? 'Next ' : 'Last '}</span>
            {one.word}
          </a>
        )}
      </For>
    </nav>
  );
}
