/** A grid of any number of rows of which only those in sight are in the document. */

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core';
import { GridHead } from './head';
import { Selection } from './selection';
import { Group, type Item } from './view';
import { stretched, type Shown, type SortWish } from './layout';

export interface Column<T> {
  key: string;
  label: string;
  width: number;
  min: number;
  /** It is not shown unless somebody chooses it. */
  hidden?: boolean;
  number?: boolean;
  /** Its part of the room that a wide window leaves. */
  grows?: number;
  /** What its cells are sorted by; none: it cannot be sorted. */
  sort?: (row: T) => string | number | null;
  /** What a cell says. */
  text: (row: T) => string;
  /**
   * Draws the cell where it is more than its text, over what it held for another row; called when
   * `text`, the look or the row changes.
   */
  draw?: (cell: HTMLElement, row: T, text: string) => void;
  /** What the pointer is told over the cell; asked only when it comes there. */
  tip?: (row: T) => string | undefined;
  /** What the cell looks like, where the text alone does not tell; compared to draw seldom. */
  look?: (row: T) => string;
}

export interface GridOptions<T> {
  label: string;
  columns: readonly Column<T>[];
  idOf: (row: T) => string;
  open: (row: T) => void;
  groupText: (group: Group) => string;
  selected: (ids: ReadonlySet<string>) => void;
  layoutChanged: (layout: Shown[]) => void;
  sortBy: (key: string, more: boolean) => void;
  toggleGroup: (label: string) => void;
  /** The end is near: more rows are wanted. */
  nearEnd: () => void;
}

export const ROW_PX = 30;
const HEAD_PX = 30;
const OVERSCAN = 4;
const TICK_PX = 34;

interface Line {
  element: HTMLElement;
  cells: HTMLElement[];
  said: string[];
  columns: Column<never>[];
  index: number;
  /** Of the row it shows; null: it shows a group, or nothing yet. */
  id: string | null;
}

let grids = 0;

export class VirtualGrid<T extends object> {
  readonly element = document.createElement('div');
  readonly selection: Selection;
  readonly #id = `grid${(grids += 1)}`;
  readonly #body = document.createElement('div');
  readonly #head: GridHead<T>;
  readonly #virtual: Virtualizer<HTMLElement, HTMLElement>;
  readonly #unmount: () => void;
  readonly #byKey: Map<string, Column<T>>;
  #items: readonly Item<T>[] = [];
  /** The columns as they were chosen, and as wide as they are drawn. */
  #chosen: Shown[] = [];
  #layout: Shown[] = [];
  #sort: SortWish[] = [];
  #width = 0;
  readonly #room = new ResizeObserver(() => {
    if (this.element.clientWidth !== this.#width) this.#arrange();
  });
  #lines = new Map<number, Line>();
  #spare: Line[] = [];
  /** So many lines were made: each has a name of its own. */
  #made = 0;
  #at = -1;
  #clock: ReturnType<typeof setInterval>;

  constructor(readonly options: GridOptions<T>) {
    this.#byKey = new Map(options.columns.map((column) => [column.key, column]));
    this.selection = new Selection(() => {
      options.selected(this.selection.ids);
      this.#render();
    });
    this.element.className = 'grid';
    this.element.tabIndex = 0;
    set(this.element, {
      role: 'grid',
      'aria-label': options.label,
      'aria-multiselectable': 'true',
    });
    this.#head = new GridHead(options.columns, {
      changed: options.layoutChanged,
      sortBy: options.sortBy,
    });
    this.#body.className = 'grid-body';
    set(this.#body, { role: 'rowgroup' });
    this.element.append(this.#head.element, this.#body);
    this.element.addEventListener('keydown', this.#key);
    this.#body.addEventListener('click', this.#click);
    this.#body.addEventListener('dblclick', (event) => {
      const item = this.#itemAt(event);
      if (item !== null && !(item instanceof Group)) options.open(item);
    });
    this.#body.addEventListener('pointerover', this.#over);
    this.element.addEventListener('focus', () => {
      if (this.#at < 0 && this.#items.length > 0) this.#moveTo(0);
    });
    this.#virtual = new Virtualizer<HTMLElement, HTMLElement>(this.#settings());
    this.#unmount = this.#virtual._didMount();
    // Ages in cells grow without any change of a row.
    this.#clock = setInterval(() => {
      if (!document.hidden) this.#render();
    }, 1000);
  }

  /** Call once it is in the document. */
  mounted(): void {
    this.#virtual._willUpdate();
    this.#room.observe(this.element);
    this.#arrange();
  }

  destroy(): void {
    clearInterval(this.#clock);
    this.#room.disconnect();
    this.#unmount();
    this.element.remove();
  }

  show(layout: Shown[], sort: SortWish[]): void {
    this.#chosen = layout;
    this.#sort = sort;
    this.#arrange();
  }

  /** Gives the chosen columns the room there is. */
  #arrange(): void {
    this.#width = this.element.clientWidth;
    const layout = stretched(this.#chosen, this.options.columns, this.#width - TICK_PX);
    this.#layout = layout;
    this.#head.show(this.#chosen, this.#sort, layout);
    const widths = layout.map(({ width }) => `${width}px`).join(' ');
    this.element.style.setProperty('--columns', `${TICK_PX}px ${widths} minmax(0, 1fr)`);
    const whole = layout.reduce((sum, { width }) => sum + width, TICK_PX);
    this.element.style.setProperty('--row-width', `${whole}px`);
    set(this.element, { 'aria-colcount': String(layout.length + 1) });
    for (const line of this.#lines.values()) line.element.remove();
    this.#lines.clear();
    this.#spare = [];
    this.#render();
  }

  /** Shows these items; the active row stays the same row where it is still there. */
  set(items: readonly Item<T>[]): void {
    const active = this.#items[this.#at];
    const count = items.length;
    this.#items = items;
    this.#body.style.height = `${count * ROW_PX}px`;
    if (active !== undefined && items[this.#at] !== active) {
      this.#at = Math.min(this.#placeOf(active), count - 1);
    }
    // Lines that open and close belong to a tree of rows.
    const isTree = items[0] instanceof Group;
    set(this.element, {
      'aria-rowcount': String(count + 1),
      role: isTree ? 'treegrid' : 'grid',
    });
    if (this.#virtual.options.count !== count) {
      this.#virtual.setOptions(this.#settings());
      this.#virtual._willUpdate();
    }
    this.#render();
  }

  /** Draws what changed about rows in sight. */
  refresh(): void {
    this.#render();
  }

  top(): void {
    this.#at = -1;
    this.element.scrollTop = 0;
  }

  #settings() {
    return {
      count: this.#items.length,
      getScrollElement: () => this.element,
      estimateSize: () => ROW_PX,
      overscan: 0,
      scrollMargin: HEAD_PX,
      scrollPaddingStart: HEAD_PX,
      scrollToFn: elementScroll<HTMLElement>,
      observeElementRect: observeElementRect<HTMLElement>,
      observeElementOffset: observeElementOffset<HTMLElement>,
      onChange: () => this.#render(),
    };
  }

  #placeOf(item: Item<T>): number {
    if (!(item instanceof Group)) {
      const place = this.#items.indexOf(item);
      if (place >= 0) return place;
      // All rows may have been read anew.
      const id = this.options.idOf(item);
      return this.#items.findIndex(
        (one) => !(one instanceof Group) && this.options.idOf(one) === id,
      );
    }
    return this.#items.findIndex((one) => one instanceof Group && one.label === item.label);
  }

  #render(): void {
    const found = this.#virtual.getVirtualItems();
    const first = found[0]?.index ?? 0;
    const last = Math.min(found.at(-1)?.index ?? -1, this.#items.length - 1);
    // Lines beside the view wait for the next small step: none of them helps who jumps further.
    const isJump = this.#virtual.isScrolling && !this.#lines.has(first) && !this.#lines.has(last);
    const beside = isJump ? 0 : OVERSCAN;
    const from = Math.max(0, first - beside);
    const to = Math.min(last + 1 + beside, this.#items.length);
    for (const [index, line] of this.#lines) {
      if (index >= from && index < to) continue;
      this.#lines.delete(index);
      this.#spare.push(line);
    }
    for (let index = from; index < to; index += 1) {
      const item = this.#items[index]!;
      let line = this.#lines.get(index);
      if (line === undefined) {
        line = this.#spare.pop() ?? this.#line();
        this.#lines.set(index, line);
        line.element.style.transform = `translateY(${index * ROW_PX}px)`;
        if (!line.element.isConnected) this.#body.append(line.element);
      }
      if (item instanceof Group) this.#drawGroup(line, item, index);
      else this.#drawRow(line, item, index);
    }
    for (const line of this.#spare) if (line.element.isConnected) line.element.remove();
    if (!this.#virtual.isScrolling) this.#putInOrder();
    const active = this.#lines.get(this.#at);
    if (active === undefined) this.element.removeAttribute('aria-activedescendant');
    else set(this.element, { 'aria-activedescendant': active.element.id });
    if (found.length > 0 && last >= this.#items.length - 3 * OVERSCAN) this.options.nearEnd();
  }

  /** Rows are used again in any order while one scrolls; those who read need them in theirs. */
  #putInOrder(): void {
    const wanted = [...this.#lines].sort(([a], [b]) => a - b).map(([, { element }]) => element);
    if (wanted.some((element, at) => this.#body.children[at] !== element)) {
      this.#body.append(...wanted);
    }
  }

  #line(): Line {
    const element = document.createElement('div');
    element.className = 'grid-row';
    set(element, { role: 'row', id: `${this.#id}-${(this.#made += 1)}` });
    const columns = this.#layout.map(({ key }) => this.#byKey.get(key)! as Column<never>);
    let left = TICK_PX;
    const cells = [...Array(this.#layout.length + 1).keys()].map((column) => {
      const cell = document.createElement('div');
      set(cell, { role: 'gridcell', 'aria-colindex': String(column + 1) });
      cell.className = column === 0 ? 'grid-tick' : 'grid-cell';
      const shown = this.#layout[column - 1];
      if (shown !== undefined) {
        cell.dataset['column'] = shown.key;
        if (columns[column - 1]!.number) cell.classList.add('number');
        // Each cell stands by itself: a text that changes moves nothing else.
        cell.style.setProperty('--left', `${left}px`);
        cell.style.setProperty('--width', `${shown.width}px`);
        left += shown.width;
      }
      return cell;
    });
    element.append(...cells);
    return { element, cells, said: cells.map(() => '\u0000'), columns, index: -1, id: null };
  }

  #common(line: Line, index: number): void {
    const { element } = line;
    if (line.index !== index) {
      line.index = index;
      element.setAttribute('aria-rowindex', String(index + 2));
      element.classList.toggle('odd', index % 2 === 1);
    }
    element.classList.toggle('active', index === this.#at);
  }

  #drawGroup(line: Line, group: Group, index: number): void {
    this.#common(line, index);
    const { element, cells, said } = line;
    line.id = null;
    element.classList.add('group');
    element.removeAttribute('aria-selected');
    delete element.dataset['id'];
    set(element, { 'aria-expanded': String(group.isOpen), 'aria-level': '1' });
    const text = this.options.groupText(group);
    cells.forEach((cell, column) => {
      const says = column === 0 ? (group.isOpen ? '▾' : '▸') : column === 1 ? text : '';
      if (said[column] === `g${says}`) return;
      said[column] = `g${says}`;
      write(cell, says);
      cell.removeAttribute('data-tip');
    });
  }

  #drawRow(line: Line, row: T, index: number): void {
    this.#common(line, index);
    const { element, cells, said } = line;
    const id = this.options.idOf(row);
    if (line.id === null) {
      element.classList.remove('group');
      element.removeAttribute('aria-expanded');
      if (!(this.#items[0] instanceof Group)) element.removeAttribute('aria-level');
    }
    if (this.#items[0] instanceof Group) set(element, { 'aria-level': '2' });
    if (line.id !== id) {
      line.id = id;
      element.dataset['id'] = id;
    }
    const isSelected = this.selection.ids.has(id);
    set(element, { 'aria-selected': String(isSelected) });
    const tick = isSelected ? '✓' : '';
    if (said[0] !== tick) {
      said[0] = tick;
      write(cells[0]!, tick);
    }
    const columns = line.columns as Column<T>[];
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at]!;
      const text = column.text(row);
      const look = column.look === undefined ? text : `${column.look(row)}\u0000${text}`;
      if (said[at + 1] === look) continue;
      said[at + 1] = look;
      const cell = cells[at + 1]!;
      if (column.draw === undefined) write(cell, text);
      else column.draw(cell, row, text);
    }
  }

  /** Cells say more to the pointer: worked out when it comes, not for every row that passes. */
  #over = (event: Event): void => {
    const cell = (event.target as Element).closest<HTMLElement>('.grid-cell');
    const item = this.#itemAt(event);
    const column = this.#byKey.get(cell?.dataset['column'] ?? '');
    if (cell === null || item === null || item instanceof Group) return;
    const tip = column?.tip?.(item);
    if (tip === undefined) cell.removeAttribute('data-tip');
    else cell.dataset['tip'] = tip;
  };

  #itemAt(event: Event): Item<T> | null {
    const element = (event.target as Element).closest('.grid-row');
    const index = Number(element?.getAttribute('aria-rowindex')) - 2;
    return this.#items[index] ?? null;
  }

  #order(): string[] {
    return this.#items.flatMap((item) => (item instanceof Group ? [] : this.options.idOf(item)));
  }

  #click = (event: MouseEvent): void => {
    const item = this.#itemAt(event);
    if (item === null) return;
    this.#at = this.#placeOf(item);
    if (item instanceof Group) {
      this.options.toggleGroup(item.label);
      return;
    }
    if ((event.target as Element).closest('a') !== null) return;
    const id = this.options.idOf(item);
    const onTick = (event.target as Element).closest('.grid-tick') !== null;
    if (event.shiftKey) this.selection.extend(id, this.#order());
    else if (event.ctrlKey || event.metaKey || onTick) this.selection.toggle(id);
    else this.selection.only(id);
  };

  #moveTo(index: number, extend = false): void {
    const last = this.#items.length - 1;
    if (last < 0) return;
    const from = this.#items[this.#at];
    this.#at = Math.max(0, Math.min(index, last));
    const item = this.#items[this.#at]!;
    if (extend && !(item instanceof Group)) {
      if (this.selection.ids.size === 0 && from !== undefined && !(from instanceof Group)) {
        this.selection.only(this.options.idOf(from));
      }
      this.selection.extend(this.options.idOf(item), this.#order());
    }
    this.#virtual.scrollToIndex(this.#at, { align: 'auto' });
    this.#render();
  }

  #key = (event: KeyboardEvent): void => {
    if (event.target !== this.element || event.altKey) return;
    const item = this.#items[this.#at];
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_PX) - 2);
    const withCtrl = event.ctrlKey || event.metaKey;
    const steps: Record<string, number> = {
      ArrowDown: this.#at + 1,
      j: this.#at + 1,
      ArrowUp: this.#at - 1,
      k: this.#at - 1,
      PageDown: this.#at + page,
      PageUp: this.#at - page,
      Home: 0,
      End: this.#items.length - 1,
    };
    const step = steps[event.key];
    if (step !== undefined && !(withCtrl && event.key.length === 1)) {
      this.#moveTo(step, event.shiftKey);
    } else if (event.key === 'a' && withCtrl) {
      this.selection.all(this.#order());
    } else if (withCtrl) {
      return;
    } else if (event.key === 'Escape') {
      this.selection.clear();
    } else if (item instanceof Group && ['Enter', ' ', 'x'].includes(event.key)) {
      this.options.toggleGroup(item.label);
    } else if (item instanceof Group && event.key === (item.isOpen ? 'ArrowLeft' : 'ArrowRight')) {
      this.options.toggleGroup(item.label);
    } else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      this.element.scrollLeft += event.key === 'ArrowLeft' ? -80 : 80;
    } else if (item !== undefined && !(item instanceof Group)) {
      if (event.key === 'Enter') this.options.open(item);
      else if (event.key === 'x' || event.key === ' ') {
        this.selection.toggle(this.options.idOf(item));
      } else return;
    } else return;
    event.preventDefault();
  };
}

export function set(element: Element, attributes: Record<string, string>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
}

/** Puts a text where one stood, without a new node. */
export function write(cell: Element, text: string): void {
  const first = cell.firstChild;
  if (first instanceof Text && first === cell.lastChild) first.data = text;
  else cell.textContent = text;
}
