import { Show, createSignal, onCleanup, onMount } from 'solid-js';

interface Tip {
  text: string;
  x: number;
  y: number;
  below: boolean;
}

const [tip, setTip] = createSignal<Tip | null>(null);

/** Show `text` at a point of the window; null hides it. For pictures drawn on canvas. */
export function showTip(text: string | null, x = 0, y = 0): void {
  setTip(text === null ? null : { text, x, y, below: y < 120 });
}

function tipOf(target: EventTarget | null): void {
  const element = target instanceof Element ? target.closest<HTMLElement>('[data-tip]') : null;
  if (element === null) {
    setTip(null);
    return;
  }
  const box = element.getBoundingClientRect();
  const below = box.top < 120;
  const text = element.dataset['tip'] ?? '';
  setTip({ text, x: box.left + box.width / 2, y: below ? box.bottom : box.top, below });
}

/** The page's one tooltip: any element with `data-tip` has one, by pointer and by keyboard. */
export function Tooltip() {
  onMount(() => {
    const over = (event: Event) => {
      if (!(event.target instanceof HTMLCanvasElement)) tipOf(event.target);
    };
    const hide = () => setTip(null);
    const key = (event: KeyboardEvent) => {
      if (event.key === 'Escape') hide();
    };
    document.addEventListener('pointerover', over);
    document.addEventListener('focusin', over);
    document.addEventListener('focusout', hide);
    document.addEventListener('keydown', key);
    document.addEventListener('scroll', hide, true);
    onCleanup(() => {
      document.removeEventListener('pointerover', over);
      document.removeEventListener('focusin', over);
      document.removeEventListener('focusout', hide);
      document.removeEventListener('keydown', key);
      document.removeEventListener('scroll', hide, true);
    });
  });
  const left = (at: Tip) =>
    Math.min(Math.max(at.x, 130), document.documentElement.clientWidth - 130);
  return (
    <Show when={tip()}>
      {(at) => (
        <div
          class="tooltip"
          aria-hidden="true"
          classList={{ below: at().below }}
          style={{ left: `${left(at())}px`, top: `${at().y}px` }}
        >
          {at().text}
        </div>
      )}
    </Show>
  );
}
