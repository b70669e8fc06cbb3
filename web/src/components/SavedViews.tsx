import { For, Show, createResource, createSignal } from 'solid-js';
import { useNavigate } from '@solidjs/router';
import { deleteView, getViews, putView, reasonOf } from '../api/client';
import { useFarm } from '../state/farm';
import { notify } from '../state/notices';

/** Views of one's own, kept on the server: filter, order, columns and groups by a name. */
export function SavedViews(props: { page: 'jobs' | 'workers'; query: () => string }) {
  const farm = useFarm();
  const navigate = useNavigate();
  const farmId = () => farm.store.farm?.farm_id;
  const [views, { refetch }] = createResource(farmId, async (id) =>
    (await getViews(id)).filter((view) => view.page === props.page),
  );
  const [name, setName] = createSignal('');
  let dialog: HTMLDialogElement | undefined;
  const change = async (what: (farm: string) => Promise<unknown>, said: string) => {
    const id = farmId();
    if (id === undefined) return;
    try {
      await what(id);
      notify(said);
    } catch (error) {
      notify(reasonOf(error), { isProblem: true });
    }
    await refetch();
  };
  const save = () => {
    const wanted = name().trim();
    if (wanted === '') return;
    const view = { page: props.page, name: wanted, query: props.query() };
    void change((id) => putView(id, view), `Kept the view “${wanted}”.`);
    dialog?.close();
  };
  return (
    <>
      <select
        aria-label="View"
        onChange={(event) => {
          const view = views.latest?.find((one) => one.name === event.currentTarget.value);
          if (view !== undefined) navigate(`/${props.page}?${view.query}`);
          else navigate(`/${props.page}`);
        }}
      >
        <option value="">All</option>
        <For each={views.latest}>
          {(view) => (
            <option value={view.name} selected={view.query === props.query()}>
              {view.name}
            </option>
          )}
        </For>
      </select>
      <button type="button" onClick={() => dialog?.showModal()}>
        Views
      </button>
      <dialog class="consequence" aria-label="Views" ref={dialog}>
        <h2>Views</h2>
        <Show when={views.latest?.length} fallback={<p class="quiet">None kept yet.</p>}>
          <ul class="views">
            <For each={views.latest}>
              {(view) => (
                <li>
                  <span class="ellipsis">{view.name}</span>
                  <button
                    type="button"
                    aria-label={`Delete the view ${view.name}`}
                    onClick={() =>
                      void change((id) => deleteView(id, view), `Deleted the view “${view.name}”.`)
                    }
                  >
                    Delete
                  </button>
                </li>
              )}
            </For>
          </ul>
        </Show>
        <form
          class="deeds"
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
        >
          <input
            aria-label="Name of the view"
            placeholder="Name for what is shown now"
            maxlength="80"
            value={name()}
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <button type="submit" class="strong" disabled={name().trim() === ''}>
            Keep
          </button>
          <button type="button" onClick={() => dialog?.close()}>
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}
