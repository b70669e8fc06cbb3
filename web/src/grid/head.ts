/** The head of a grid: sorting by click, columns moved and made wider by dragging. */

import { clamp, moved, type Shown, type SortWish } from './layout';
import type { Column } from './grid';

interface HeadOptions {
  changed: (layout: Shown[]) => void;
  sortBy: (key: string, more: boolean) => void;
}

const DRAG_PX = 6;

export class GridHead<T> {
  readonly element = document.createElement('div');
  readonly #row = document.createElement('div');
  #layout: Shown[] = [];
  #drawn: Shown[] = [];

  constructor(
    readonly columns: readonly Column<T>[],
    readonly options: HeadOptions,
  ) {
    this.element.className = 'grid-head';
    this.element.setAttribute('role', 'rowgroup');
    this.#row.className = 'grid-row';
    this.#row.setAttribute('role', 'row');
    this.#row.setAttribute('aria-rowindex', '1');
    this.element.append(this.#row);
  }

  /** Shows the chosen columns; `drawn`: as wide as there is room for. */
  show(layout: Shown[], sort: SortWish[], drawn: Shown[]): void {
    this.#layout = layout;
    this.#drawn = drawn;
    const tick = document.createElement('div');
    tick.setAttribute('role', 'columnheader');
    tick.setAttribute('aria-colindex', '1');
    tick.setAttribute('aria-label', 'Chosen');
    tick.className = 'grid-tick';
    this.#row.replaceChildren(
      tick,
      ...layout.map(({ key }, at) => this.#cell(this.#column(key), at, sort)),
    );
  }

  #column(key: string): Column<T> {
    return this.columns.find((column) => column.key === key)!;
  }

  #cell(column: Column<T>, at: number, sort: SortWish[]): HTMLElement {
    const cell = document.createElement('div');
    cell.setAttribute('role', 'columnheader');
    cell.setAttribute('aria-colindex', String(at + 2));
    cell.className = 'grid-cell';
    cell.classList.toggle('number', column.number ?? false);
    cell.dataset['column'] = column.key;
    const place = sort.findIndex(({ key }) => key === column.key);
    const wish = sort[place];
    cell.setAttribute(
      'aria-sort',
      wish === undefined ? 'none' : wish.descending ? 'descending' : 'ascending',
    );
    const label = document.createElement(column.sort === undefined ? 'span' : 'button');
    label.className = 'grid-label';
    label.textContent = column.label;
    if (wish !== undefined) {
      const mark = document.createElement('span');
      mark.setAttribute('aria-hidden', 'true');
      mark.textContent = `${wish.descending ? ' ↓' : ' ↑'}${sort.length > 1 ? place + 1 : ''}`;
      label.append(mark);
    }
    const grip = document.createElement('span');
    grip.className = 'grid-grip';
    grip.setAttribute('aria-hidden', 'true');
    grip.addEventListener('pointerdown', (event) => this.#resize(event, column));
    label.addEventListener('pointerdown', (event) => this.#drag(event as PointerEvent, column));
    label.addEventListener('click', (event) => {
      const fromKeyboard = (event as MouseEvent).detail === 0;
      if (fromKeyboard && column.sort !== undefined) this.options.sortBy(column.key, false);
    });
    cell.append(label, grip);
    return cell;
  }

  #resize(event: PointerEvent, column: Column<T>): void {
    event.preventDefault();
    event.stopPropagation();
    const start = event.clientX;
    const width = this.#drawn.find(({ key }) => key === column.key)!.width;
    const at = (now: PointerEvent) =>
      this.#layout.map((one) =>
        one.key === column.key
          ? { key: one.key, width: clamp(width + now.clientX - start, column.min) }
          : one,
      );
    follow(
      () => undefined,
      (now) => this.options.changed(at(now)),
    );
  }

  /** A short press sorts; a drag moves the column to where it is let go. */
  #drag(event: PointerEvent, column: Column<T>): void {
    if (event.button !== 0) return;
    event.preventDefault();
    const start = event.clientX;
    const cells = () => [...this.#row.querySelectorAll<HTMLElement>('.grid-cell')];
    const placeAt = (x: number) =>
      cells().filter((cell) => {
        const box = cell.getBoundingClientRect();
        return cell.dataset['column'] !== column.key && x > box.left + box.width / 2;
      }).length;
    const mark = (x: number | null) => {
      const rest = cells().filter((cell) => cell.dataset['column'] !== column.key);
      const place = x === null ? -1 : placeAt(x);
      rest.forEach((cell, at) => {
        cell.classList.toggle('drop-before', at === place);
        cell.classList.toggle('drop-after', place === rest.length && at === place - 1);
      });
    };
    let dragging = false;
    follow(
      (now) => {
        dragging ||= Math.abs(now.clientX - start) > DRAG_PX;
        if (dragging) mark(now.clientX);
      },
      (now) => {
        mark(null);
        if (dragging) {
          this.options.changed(moved(this.#layout, column.key, placeAt(now.clientX)));
        } else if (column.sort !== undefined) this.options.sortBy(column.key, now.shiftKey);
      },
    );
  }
}

function follow(move: (event: PointerEvent) => void, end: (event: PointerEvent) => void): void {
  const over = new AbortController();
  const { signal } = over;
  window.addEventListener('pointermove', move, { signal });
  window.addEventListener(
    'pointerup',
    (event) => {
      over.abort();
      end(event);
    },
    { signal },
  );
  window.addEventListener('pointercancel', () => over.abort(), { signal });
}
