import { For, Show, createMemo, createSignal } from 'solid-js';
import { previewUrl } from '../api/client';
import { getMovies, movieUrl, type Movie } from '../api/jobPages';
import { bytes, count, plural } from '../format/number';
import { createAsked } from '../state/asked';
import { useFarm } from '../state/farm';
import type { Frame, JobState } from '../state/job';
import { Panel } from './Panel';
import { Picture } from './Preview';

const AT_ONCE = 48;

/** Every frame there is a picture of; a click shows one large. */
export function PreviewGrid(props: { jobId: string; job: JobState }) {
  const farm = useFarm();
  const [most, setMost] = createSignal(AT_ONCE);
  const [large, setLarge] = createSignal<Frame | null>(null);
  let dialog!: HTMLDialogElement;
  const layers = () => props.job.detail()?.layers ?? [];
  const pictured = createMemo(() =>
    layers()
      .flatMap((layer) => props.job.framesOf(layer.layer_id))
      .filter((frame) => frame.hasPreview),
  );
  const nameOf = (frame: Frame) =>
    layers().find((layer) => layer.layer_id === frame.layerId)?.name ?? '';
  const open = (frame: Frame) => {
    setLarge(frame);
    if (!dialog.open) dialog.showModal();
  };
  const step = (by: number) => {
    const at = pictured().findIndex(
      (one) => one.frame === large()?.frame && one.layerId === large()?.layerId,
    );
    const next = pictured()[at + by];
    if (next !== undefined) setLarge(next);
  };
  return (
    <Show when={pictured().length > 0}>
      <Panel title="Previews" aside={plural(pictured().length, 'picture')} class="previews">
        <ul class="preview-grid">
          <For each={pictured().slice(0, most())}>
            {(frame) => (
              <li>
                <button type="button" onClick={() => open(frame)}>
                  <Picture frame={frame} width={240} explains />
                  <span>
                    {layers().length > 1 ? `${nameOf(frame)} ` : ''}
                    {frame.frame}
                  </span>
                </button>
              </li>
            )}
          </For>
        </ul>
        <Show when={pictured().length > most()}>
          <p class="more">
            <span class="quiet">
              {count(most())} of {count(pictured().length)}
            </span>
            <button type="button" class="plain" onClick={() => setMost(most() + AT_ONCE)}>
              Show more
            </button>
          </p>
        </Show>
        <dialog
          class="large-picture"
          aria-label="Picture"
          ref={dialog}
          onKeyDown={(event) => {
            if (event.key === 'ArrowRight') step(1);
            if (event.key === 'ArrowLeft') step(-1);
          }}
        >
          <Show when={large()}>
            {(frame) => (
              <>
                <img
                  src={previewUrl(
                    farm.store.farm!.farm_id,
                    props.jobId,
                    frame().layerId,
                    frame().frame,
                    1280,
                  )}
                  alt={`${nameOf(frame())} ${frame().frame}, large`}
                />
                <div class="deeds">
                  <b>
                    {nameOf(frame())} {frame().frame}
                  </b>
                  <button type="button" onClick={() => step(-1)}>
                    Previous
                  </button>
                  <button type="button" onClick={() => step(1)}>
                    Next
                  </button>
                  <button type="button" onClick={() => dialog.close()}>
                    Close
                  </button>
                </div>
              </>
            )}
          </Show>
        </dialog>
      </Panel>
    </Show>
  );
}

/** The movies that steps of a job made. */
export function Movies(props: { jobId: string; job: JobState }) {
  const farm = useFarm();
  const done = () => props.job.row()?.counts.SUCCEEDED ?? 0;
  const movies = createAsked<Movie[]>(() => props.jobId, done, getMovies, 10_000);
  return (
    <Show when={(movies()?.length ?? 0) > 0}>
      <Panel title="Movies" class="movies">
        <For each={movies()}>
          {(movie) => (
            <figure>
              <video
                controls
                preload="metadata"
                src={movieUrl(farm.store.farm!.farm_id, props.jobId, movie)}
              />
              <figcaption>
                {movie.name} <span class="quiet">{bytes(movie.size)}</span>
              </figcaption>
            </figure>
          )}
        </For>
      </Panel>
    </Show>
  );
}
