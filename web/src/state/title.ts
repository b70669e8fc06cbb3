import { createEffect, onCleanup, type Accessor } from 'solid-js';

const NAME = 'Grange';

/** Name the browser's tab after what the page shows; null names it after the application. */
export function createTitle(title: Accessor<string | null>): void {
  createEffect(() => {
    const words = title();
    document.title = words === null ? NAME : `${words} · ${NAME}`;
  });
  onCleanup(() => {
    document.title = NAME;
  });
}
