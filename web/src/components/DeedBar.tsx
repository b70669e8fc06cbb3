import { For, Show, createMemo, createSignal, type JSX } from 'solid-js';
import { reasonOf } from '../api/client';
import type { LiveTable } from '../live/table';
import { consequence, perform, type Deed } from '../state/deeds';
import { useFarm } from '../state/farm';
import { count } from '../format/number';

/** What can be done to the chosen rows. What destroys something says first what. */
export function DeedBar<T extends object>(props: {
  table: LiveTable<T>;
  noun: string;
  chosen: T[];
  deeds: Deed<T>[];
  clear: () => void;
  children?: JSX.Element;
}) {
  const farm = useFarm();
  const [asked, setAsked] = createSignal<Deed<T> | null>(null);
  const [told, setTold] = createSignal<string | null>(null);
  let dialog: HTMLDialogElement | undefined;
  // By their words: a button stays the same one while what is told changes the rows it is for.
  const deeds = createMemo(() => new Map(props.deeds.map((deed) => [deed.word, deed])));

  const press = async (deed: Deed<T>) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    if (!deed.isGrave) {
      void perform(farmId, props.table, deed);
      return;
    }
    setAsked(deed);
    setTold(null);
    dialog?.showModal();
    try {
      const found = await consequence(farmId, deed);
      if (asked() === deed) setTold(found);
    } catch (error) {
      setTold(`What it would do is not known: ${reasonOf(error)}`);
    }
  };
  const doIt = () => {
    const deed = asked();
    const farmId = farm.store.farm?.farm_id;
    dialog?.close();
    if (deed !== null && farmId !== undefined) void perform(farmId, props.table, deed);
  };
  return (
    <>
      <div class="deed-bar" role="group" aria-label={`Actions on chosen ${props.noun}s`}>
        <b>{count(props.chosen.length)} chosen</b>
        <Show when={deeds().size === 0}>
          <span class="quiet">
            Your level lets you look at {props.chosen.length === 1 ? 'it' : 'them'}, not change{' '}
            {props.chosen.length === 1 ? 'it' : 'them'}.
          </span>
        </Show>
        <For each={[...deeds().keys()]}>
          {(word) => (
            <Show when={deeds().get(word)}>
              {(deed) => (
                <button
                  type="button"
                  classList={{ grave: deed().isGrave ?? false }}
                  onClick={() => void press(deed())}
                >
                  {word}
                  <Show when={deed().ids.length !== props.chosen.length}> {deed().ids.length}</Show>
                </button>
              )}
            </Show>
          )}
        </For>
        {props.children}
        <button type="button" class="plain" onClick={() => props.clear()}>
          Clear
        </button>
      </div>
      <dialog class="consequence" aria-label={asked()?.word ?? 'Consequence'} ref={dialog}>
        <h2>{asked()?.word}</h2>
        <p>{told() ?? 'Asking what it would do …'}</p>
        <div class="deeds">
          <button type="button" class="strong" disabled={told() === null} onClick={doIt}>
            {asked()?.word}
          </button>
          <button type="button" onClick={() => dialog?.close()}>
            Leave it
          </button>
        </div>
      </dialog>
    </>
  );
}
