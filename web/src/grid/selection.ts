/** Which rows are chosen: by click, with Shift and Ctrl, by keyboard. */

export class Selection {
  readonly ids = new Set<string>();
  #anchor: string | null = null;

  constructor(readonly changed: () => void) {}

  only(id: string): void {
    this.ids.clear();
    this.ids.add(id);
    this.#anchor = id;
    this.changed();
  }

  toggle(id: string): void {
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = id;
    this.changed();
  }

  /** From where it began to `id`, in the order the rows stand. */
  extend(id: string, order: readonly string[]): void {
    const from = this.#anchor === null ? -1 : order.indexOf(this.#anchor);
    const to = order.indexOf(id);
    if (from < 0 || to < 0) {
      this.only(id);
      return;
    }
    this.ids.clear();
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) this.ids.add(order[at]!);
    this.changed();
  }

  all(order: Iterable<string>): void {
    for (const id of order) this.ids.add(id);
    this.changed();
  }

  clear(): void {
    if (this.ids.size === 0) return;
    this.ids.clear();
    this.changed();
  }

  /** Forgets rows that are no longer shown: nobody acts on what they cannot see. */
  keep(isShown: (id: string) => boolean): void {
    let dropped = false;
    for (const id of this.ids) {
      if (isShown(id)) continue;
      this.ids.delete(id);
      dropped = true;
    }
    if (dropped) this.changed();
  }
}
