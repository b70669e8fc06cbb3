/**
 * Rows by id, as the server told them last, with what the user just did on top until the server
 * tells it too. Row objects stay the same; their members change.
 */

export interface Change<T> {
  row: T;
  /** As it was before; null: it is new. */
  was: T | null;
  gone: boolean;
}

/** What a user did to some rows, shown before the server confirms it. */
export interface Pending {
  /** The server did it: its next word on each row replaces what was shown. */
  confirm(): void;
  /** The server refused it, of these rows or of all. */
  rollBack(ids?: Iterable<string>): void;
}

interface Overlay<T> {
  patch: Partial<T>;
  confirmed: boolean;
}

/** How long a confirmed action is shown without a word from the server on that row. */
const TRUSTED_MS = 5000;

export class LiveTable<T extends object> {
  readonly #rows = new Map<string, T>();
  readonly #told = new Map<string, T>();
  readonly #overlays = new Map<string, Overlay<T>>();
  readonly #listeners = new Set<(changes: Change<T>[]) => void>();

  constructor(readonly idOf: (row: T) => string) {}

  get size(): number {
    return this.#rows.size;
  }

  get rows(): T[] {
    return [...this.#rows.values()];
  }

  get(id: string): T | undefined {
    return this.#rows.get(id);
  }

  listen(hear: (changes: Change<T>[]) => void): () => void {
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  /** Replaces everything but what the user just did; those who listen are not told. */
  load(rows: T[]): void {
    this.#rows.clear();
    this.#told.clear();
    for (const row of rows) this.#rows.set(this.idOf(row), row);
    for (const [id, { patch }] of this.#overlays) {
      const row = this.#rows.get(id);
      if (row === undefined) this.#overlays.delete(id);
      else {
        this.#told.set(id, { ...row });
        Object.assign(row, patch);
      }
    }
  }

  /** Takes in what the server says now. */
  update(rows: T[], gone: (row: T) => boolean = () => false): void {
    const changes: Change<T>[] = [];
    for (const told of rows) {
      const id = this.idOf(told);
      const overlay = this.#overlays.get(id);
      if (overlay?.confirmed) this.#overlays.delete(id);
      const row = this.#rows.get(id);
      if (gone(told)) {
        this.#overlays.delete(id);
        this.#told.delete(id);
        if (row !== undefined) changes.push({ row, was: { ...row }, gone: true });
        this.#rows.delete(id);
        continue;
      }
      const kept = this.#overlays.get(id);
      if (kept !== undefined) this.#told.set(id, told);
      else this.#told.delete(id);
      const shown = kept === undefined ? told : { ...told, ...kept.patch };
      if (row === undefined) {
        this.#rows.set(id, shown);
        changes.push({ row: shown, was: null, gone: false });
      } else {
        const was = { ...row };
        Object.assign(row, shown);
        changes.push({ row, was, gone: false });
      }
    }
    this.#tell(changes);
  }

  /** Shows what the user did at once. */
  pretend(ids: Iterable<string>, patchOf: (row: T) => Partial<T>): Pending {
    const mine = new Map<string, Overlay<T>>();
    const changes: Change<T>[] = [];
    for (const id of ids) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      const was = { ...row };
      if (!this.#told.has(id)) this.#told.set(id, was);
      const overlay: Overlay<T> = { patch: patchOf(row), confirmed: false };
      mine.set(id, overlay);
      this.#overlays.set(id, overlay);
      Object.assign(row, overlay.patch);
      changes.push({ row, was, gone: false });
    }
    this.#tell(changes);
    const end = (which: Iterable<string>) => {
      const back: Change<T>[] = [];
      for (const id of which) {
        const row = this.#rows.get(id);
        const told = this.#told.get(id);
        if (this.#overlays.get(id) !== mine.get(id) || !mine.has(id)) continue;
        this.#overlays.delete(id);
        this.#told.delete(id);
        if (row === undefined || told === undefined) continue;
        const was = { ...row };
        Object.assign(row, told);
        back.push({ row, was, gone: false });
      }
      this.#tell(back);
    };
    return {
      confirm: () => {
        for (const overlay of mine.values()) overlay.confirmed = true;
        setTimeout(() => end(mine.keys()), TRUSTED_MS);
      },
      rollBack: (which) => end(which ?? [...mine.keys()]),
    };
  }

  #tell(changes: Change<T>[]): void {
    if (changes.length === 0) return;
    for (const hear of this.#listeners) hear(changes);
  }
}
