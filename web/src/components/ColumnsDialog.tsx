import { For, Show } from 'solid-js';
import type { Column } from '../grid/grid';
import { clamp, moved, type Shown } from '../grid/layout';

const STEP_PX = 20;

/** Shows, hides, moves and widens columns without a mouse. */
export function ColumnsDialog<T>(props: {
  columns: readonly Column<T>[];
  layout: Shown[];
  change: (layout: Shown[]) => void;
  reset: () => void;
  ref: (dialog: HTMLDialogElement) => void;
}) {
  let dialog: HTMLDialogElement | undefined;
  const place = (key: string) => props.layout.findIndex((one) => one.key === key);
  const toggle = (column: Column<T>) => {
    if (place(column.key) < 0) {
      props.change([...props.layout, { key: column.key, width: column.width }]);
    } else if (props.layout.length > 1) {
      props.change(props.layout.filter((one) => one.key !== column.key));
    }
  };
  const widen = (column: Column<T>, by: number) =>
    props.change(
      props.layout.map((one) =>
        one.key === column.key ? { key: one.key, width: clamp(one.width + by, column.min) } : one,
      ),
    );
  const ordered = () => [
    ...props.layout.map(({ key }) => props.columns.find((column) => column.key === key)!),
    ...props.columns.filter((column) => place(column.key) < 0),
  ];
  return (
    <dialog
      class="consequence columns-dialog"
      aria-label="Columns"
      ref={(element) => {
        dialog = element;
        props.ref(element);
      }}
    >
      <h2>Columns</h2>
      <ol>
        <For each={ordered()}>
          {(column) => (
            <li>
              <label>
                <input
                  type="checkbox"
                  checked={place(column.key) >= 0}
                  onChange={() => toggle(column)}
                />
                {column.label}
              </label>
              <Show when={place(column.key) >= 0}>
                <span class="deeds">
                  <button
                    type="button"
                    aria-label={`Move ${column.label} forward`}
                    disabled={place(column.key) === 0}
                    onClick={() =>
                      props.change(moved(props.layout, column.key, place(column.key) - 1))
                    }
                  >
                    ↑
                  </button>
                  <button
                    type="button"
                    aria-label={`Move ${column.label} back`}
                    disabled={place(column.key) === props.layout.length - 1}
                    onClick={() =>
                      props.change(moved(props.layout, column.key, place(column.key) + 1))
                    }
                  >
                    ↓
                  </button>
                  <button
                    type="button"
                    aria-label={`Make ${column.label} narrower`}
                    onClick={() => widen(column, -STEP_PX)}
                  >
                    −
                  </button>
                  <button
                    type="button"
                    aria-label={`Make ${column.label} wider`}
                    onClick={() => widen(column, STEP_PX)}
                  >
                    +
                  </button>
                </span>
              </Show>
            </li>
          )}
        </For>
      </ol>
      <div class="deeds">
        <button type="button" class="strong" onClick={() => dialog?.close()}>
          Done
        </button>
        <button type="button" onClick={() => props.reset()}>
          As it came
        </button>
      </div>
    </dialog>
  );
}
