import { For, Show, createEffect, createMemo, createSignal } from 'solid-js';
import { A } from '@solidjs/router';
import { previewUrl, taskId, taskLogPage } from '../api/client';
import { whyNoPicture } from '../api/jobPages';
import { bytes, plural } from '../format/number';
import { duration } from '../format/time';
import type { Frame } from '../state/job';
import { useFarm } from '../state/farm';
import { frameLook } from '../theme/states';
import { Shape } from './Shape';
import { StateChip } from './StateChip';

/** The picture of one frame, or its state while there is none; `explains`: why there is none. */
export function Picture(props: { frame: Frame; width: number; explains?: boolean }) {
  const farm = useFarm();
  const [broken, setBroken] = createSignal<string | null>(null);
  const [reason, setReason] = createSignal('');
  const address = () =>
    previewUrl(
      farm.store.farm!.farm_id,
      props.frame.jobId,
      props.frame.layerId,
      props.frame.frame,
      props.width,
    );
  const fail = () => {
    const url = address();
    setBroken(url);
    setReason('');
    whyNoPicture(url).then(
      (words) => setReason(words),
      () => setReason('No preview: the server does not answer.'),
    );
  };
  return (
    <Show
      when={props.frame.hasPreview && broken() !== address()}
      fallback={
        <span
          class="no-picture"
          data-tone={frameLook(props.frame).tone}
          data-tip={reason() || undefined}
        >
          <Shape name={frameLook(props.frame).shape} />
          <Show when={props.explains && reason()}>
            <small>{reason()}</small>
          </Show>
        </span>
      }
    >
      <img
        src={address()}
        alt={`Frame ${props.frame.frame}`}
        decoding="async"
        loading="lazy"
        onError={fail}
      />
    </Show>
  );
}

/** The selected frame, large, with its facts. */
export function FrameView(props: { layer: string; frame: Frame }) {
  return (
    <figure class="frame-view">
      <div class="picture">
        <Picture frame={props.frame} width={480} explains />
      </div>
      <figcaption>
        <div class="title">
          <b>
            {props.layer} {props.frame.frame}
          </b>
          <StateChip look={frameLook(props.frame)} plain />
        </div>
        <dl class="facts">
          <dt>Render time</dt>
          <dd>{duration(props.frame.renderMs)}</dd>
          <dt>Worker</dt>
          <dd class="ellipsis">{props.frame.worker ?? '–'}</dd>
          <dt>Output</dt>
          <dd>{bytes(props.frame.bytes)}</dd>
          <Show when={props.frame.attempts > 1}>
            <dt>Attempts</dt>
            <dd>{props.frame.attempts}</dd>
          </Show>
        </dl>
        <Show when={props.frame.attempts > 0}>
          <A href={taskLogPage(props.frame.jobId, taskId(props.frame.layerId, props.frame.task))}>
            Log of this task
          </A>
        </Show>
      </figcaption>
    </figure>
  );
}

/** The newest pictures of a job; it follows the latest until somebody scrolls back. */
export function Filmstrip(props: {
  frames: Frame[];
  selected: Frame | null;
  onSelect: (frame: Frame) => void;
  most?: number;
}) {
  const pictured = createMemo(() => props.frames.filter((frame) => frame.hasPreview));
  const shown = createMemo(() => pictured().slice(-(props.most ?? 24)));
  const [strip, setStrip] = createSignal<HTMLDivElement>();
  let follows = true;
  createEffect(() => {
    const element = strip();
    if (shown().length > 0 && element !== undefined && follows) {
      requestAnimationFrame(() => element.scrollTo({ left: element.scrollWidth }));
    }
  });
  return (
    <Show when={shown().length > 0}>
      <div
        class="filmstrip"
        role="group"
        ref={setStrip}
        onScroll={({ currentTarget: at }) => {
          follows = at.scrollLeft + at.clientWidth > at.scrollWidth - 60;
        }}
        aria-label={`${plural(shown().length, 'picture')} of ${pictured().length}`}
      >
        <For each={shown()}>
          {(frame) => (
            <button
              type="button"
              aria-pressed={props.selected?.frame === frame.frame}
              onClick={() => props.onSelect(frame)}
            >
              <Picture frame={frame} width={160} />
              <span>{frame.frame}</span>
            </button>
          )}
        </For>
      </div>
    </Show>
  );
}
