import { For, Show } from 'solid-js';
import { dismiss, notices } from '../state/notices';

/** What was done, with a way back; why something was not. */
export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      <For each={notices()}>
        {(notice) => (
          <div class="toast" data-tone={notice.isProblem ? 'failed' : 'done'}>
            <span>{notice.text}</span>
            <Show when={notice.undo}>
              {(undo) => (
                <button
                  type="button"
                  onClick={() => {
                    dismiss(notice.id);
                    undo()();
                  }}
                >
                  Undo
                </button>
              )}
            </Show>
            <button type="button" aria-label="Close" onClick={() => dismiss(notice.id)}>
              ×
            </button>
          </div>
        )}
      </For>
    </div>
  );
}
