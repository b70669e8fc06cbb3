import { For, onCleanup, onMount } from 'solid-js';
import { areKeysOn, onPageKey, switchKeys } from '../state/keys';

const KEYS: [string, string][] = [
  ['?', 'Show these keys'],
  ['/', 'Go to the search of a list; Enter goes back to the list'],
  ['↑ ↓ or j k', 'Walk along the rows of a list'],
  ['x or Space', 'Choose a row, or leave it'],
  ['Ctrl-A, Escape', 'Choose all that match, none'],
  ['Enter', 'Open the row, show the frame'],
  ['← →', 'Close and open a group; walk along a strip of frames; the picture before, the next'],
];

/** Which keys there are, and whether those that work anywhere do. */
export function KeyList() {
  return (
    <>
      <dl class="keys">
        <For each={KEYS}>
          {([key, does]) => (
            <div>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          )}
        </For>
      </dl>
      <label class="keys-on">
        <input
          type="checkbox"
          checked={areKeysOn()}
          onChange={(event) => switchKeys(event.currentTarget.checked)}
        />{' '}
        <span>? and / work anywhere on a page (in this browser)</span>
      </label>
    </>
  );
}

/** The keys, when somebody presses ?. */
export function KeysDialog() {
  let dialog!: HTMLDialogElement;
  onMount(() => onCleanup(onPageKey('?', () => dialog.showModal())));
  return (
    <dialog class="consequence" aria-label="Keys" ref={dialog}>
      <h2>Keys</h2>
      <KeyList />
      <div class="deeds">
        <button type="button" onClick={() => dialog.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}
