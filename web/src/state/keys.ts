/** Keys that work anywhere on a page; they can be switched off, for those who speak or mistype. */

import { createSignal } from 'solid-js';

const KEPT = 'grange-keys-off';
const [areOn, setOn] = createSignal(localStorage.getItem(KEPT) === null);

export { areOn as areKeysOn };

export function switchKeys(on: boolean): void {
  setOn(on);
  if (on) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, 'yes');
}

/** Does something when a key is pressed outside of anything one writes in; returns the way back. */
export function onPageKey(key: string, act: () => void): () => void {
  const hear = (event: KeyboardEvent) => {
    const target = event.target as Element;
    if (!areOn() || event.key !== key || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest('input, textarea, select, dialog') !== null) return;
    event.preventDefault();
    act();
  };
  window.addEventListener('keydown', hear);
  return () => window.removeEventListener('keydown', hear);
}
