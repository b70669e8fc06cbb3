import { For, Show, createSignal } from 'solid-js';
import { actOnJobs } from '../api/client';
import { renderAgain } from '../api/jobPages';
import type { JobDetail } from '../api/types';
import { Deeds } from './Actions';

/** Frames by number to render again, and a priority by number. */
export function JobForms(props: { detail: JobDetail }) {
  const layers = () => props.detail.layers.filter((layer) => layer.frame_count);
  const [layer, setLayer] = createSignal('');
  const [frames, setFrames] = createSignal('');
  const [priority, setPriority] = createSignal('');
  const chosen = () => layer() || (layers()[0]?.layer_id ?? '');
  return (
    <div class="job-forms">
      <Show when={layers().length > 0}>
        <form onSubmit={(event) => event.preventDefault()}>
          <label>
            <span>Frames</span>
            <input
              size="12"
              placeholder="10-20,35"
              value={frames()}
              spellcheck={false}
              autocomplete="off"
              onInput={(event) => setFrames(event.currentTarget.value)}
            />
          </label>
          <Show when={layers().length > 1}>
            <label>
              <span>of</span>
              <select onChange={(event) => setLayer(event.currentTarget.value)}>
                <For each={layers()}>
                  {(one) => <option value={one.layer_id}>{one.name}</option>}
                </For>
              </select>
            </label>
          </Show>
          <Deeds
            label="Frames by number"
            deeds={[
              {
                key: 'again',
                word: 'Render again',
                ask: (farm, apply) =>
                  renderAgain(farm, props.detail.job_id, {
                    layer_id: chosen(),
                    frames: frames(),
                    apply,
                  }),
              },
            ]}
          />
        </form>
      </Show>
      <Show when={props.detail.ended_at === null}>
        <form onSubmit={(event) => event.preventDefault()}>
          <label>
            <span>Priority</span>
            <input
              type="number"
              min="0"
              max="100"
              value={priority() || props.detail.priority}
              onInput={(event) => setPriority(event.currentTarget.value)}
            />
          </label>
          <Deeds
            label="Priority by number"
            deeds={[
              {
                key: 'priority',
                word: 'Set priority',
                ask: (farm, apply) =>
                  actOnJobs(farm, {
                    action: 'priority',
                    select: { jobs: [props.detail.job_id] },
                    apply,
                    priority: Number(priority() || props.detail.priority),
                  }),
              },
            ]}
          />
        </form>
      </Show>
    </div>
  );
}
