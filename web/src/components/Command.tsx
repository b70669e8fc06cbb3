import { createSignal } from 'solid-js';

/** A command to copy. */
export function Command(props: { text: string }) {
  const [copied, setCopied] = createSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(props.text);
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    } catch {
      // Without permission the text can still be selected.
    }
  };
  return (
    <div class="command">
      <code>{props.text}</code>
      <button type="button" onClick={() => void copy()}>
        {copied() ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
}
