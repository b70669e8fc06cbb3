/** How wide an element is, so that a picture in it is drawn anew when the window changes. */

import { createSignal, onCleanup, type Accessor } from 'solid-js';

/** The width in whole pixels, 0 until it is known, and the `ref` of the element it is of. */
export function createWidth(): [Accessor<number>, (element: Element) => void] {
  const [width, setWidth] = createSignal(0);
  const seen = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)));
  onCleanup(() => seen.disconnect());
  const watch = (element: Element) => {
    seen.disconnect();
    seen.observe(element);
  };
  return [width, watch];
}
