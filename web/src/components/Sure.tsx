import { Show, createSignal } from 'solid-js';

/** A button for what cannot be taken back: it says first what would happen. */
export function Sure(props: {
  /** What the button does, in a word. */
  word: string;
  /** What it does it to, for readers of the screen. */
  of: string;
  consequence: string;
  onSure: () => void;
}) {
  const [asked, setAsked] = createSignal(false);
  return (
    <Show
      when={asked()}
      fallback={
        <button
          type="button"
          class="quiet-button"
          aria-label={`${props.word} ${props.of}`}
          onClick={() => setAsked(true)}
        >
          {props.word}
        </button>
      }
    >
      <span class="sure" role="group" aria-label={`${props.word} ${props.of}?`}>
        <span>{props.consequence}</span>
        <button
          type="button"
          class="danger"
          onClick={() => {
            setAsked(false);
            props.onSure();
          }}
        >
          {props.word} {props.of}
        </button>
        <button type="button" onClick={() => setAsked(false)}>
          Keep it
        </button>
      </span>
    </Show>
  );
}
