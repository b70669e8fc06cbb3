/** The server's clock, as far as the browser knows it: ages and elapsed times count from it. */

import { createSignal } from 'solid-js';

let offset = 0;
const [now, setNow] = createSignal(Date.now());

/** The server's time, to the second. */
export { now };

/** Learn the server's clock from an answer that carried it. */
export function setServerTime(at: number): void {
  offset = at - Date.now();
  setNow(at);
}

setInterval(() => {
  if (!document.hidden) setNow(Date.now() + offset);
}, 1000);
