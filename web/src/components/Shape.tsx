import { Match, Switch } from 'solid-js';
import type { ShapeName } from '../theme/states';

/** A state's shape, in the current text colour. The word stands beside it, so it is hidden from readers. */
export function Shape(props: { name: ShapeName }) {
  return (
    <svg class="shape" viewBox="0 0 12 12" aria-hidden="true">
      <Switch>
        <Match when={props.name === 'check'}>
          <path d="M2 6.4 4.8 9 10 3.2" fill="none" stroke="currentColor" stroke-width="2" />
        </Match>
        <Match when={props.name === 'play'}>
          <path d="M3 1.8v8.4L10.2 6z" fill="currentColor" />
        </Match>
        <Match when={props.name === 'half'}>
          <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" stroke-width="1.5" />
          <path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" fill="currentColor" />
        </Match>
        <Match when={props.name === 'ring'}>
          <circle cx="6" cy="6" r="3.9" fill="none" stroke="currentColor" stroke-width="1.6" />
        </Match>
        <Match when={props.name === 'dots'}>
          <path
            d="M1.2 6h.1M6 6h.1M10.7 6h.1"
            stroke="currentColor"
            stroke-width="2.2"
            stroke-linecap="round"
          />
        </Match>
        <Match when={props.name === 'pause'}>
          <path d="M3 2h2.2v8H3zM6.8 2H9v8H6.8z" fill="currentColor" />
        </Match>
        <Match when={props.name === 'cross'}>
          <path d="m2.4 2.4 7.2 7.2m0-7.2L2.4 9.6" stroke="currentColor" stroke-width="2.2" />
        </Match>
        <Match when={props.name === 'slash'}>
          <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.5" />
          <path d="M3.2 8.8 8.8 3.2" stroke="currentColor" stroke-width="1.5" />
        </Match>
        <Match when={props.name === 'square'}>
          <path d="M2.5 2.5h7v7h-7z" fill="none" stroke="currentColor" stroke-width="1.5" />
        </Match>
        <Match when={props.name === 'question'}>
          <path
            d="M3.6 4.2C3.6 1.2 8.6 1.2 8.6 4c0 1.9-2.5 1.9-2.5 3.6m0 1.6v1.5"
            fill="none"
            stroke="currentColor"
            stroke-width="1.7"
          />
        </Match>
      </Switch>
    </svg>
  );
}
