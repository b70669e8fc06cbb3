/** Short words about what a user did: that it was done, why it was not, and a way back. */

import { createSignal } from 'solid-js';

export interface Notice {
  id: number;
  text: string;
  isProblem: boolean;
  undo: (() => void) | null;
}

const SHOWN_MS = 12_000;
const [notices, setNotices] = createSignal<Notice[]>([]);
let last = 0;

export { notices };

export function notify(
  text: string,
  more: { isProblem?: boolean; undo?: (() => void) | null } = {},
): void {
  const id = (last += 1);
  const notice = { id, text, isProblem: more.isProblem ?? false, undo: more.undo ?? null };
  setNotices((shown) => [...shown.slice(-3), notice]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  setNotices((shown) => shown.filter((notice) => notice.id !== id));
}
