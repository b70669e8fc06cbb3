/**
 * A shared worker: one event stream per farm and user for all tabs of a browser, since a browser
 * opens only a few connections to one server. Tabs get what arrives at most five times a second. A
 * tab that does not keep up is told to read everything again; nothing is kept for it meanwhile.
 */

import { openStream, type StreamEvent } from '../api/stream';
import type { FromWorker, ToWorker } from './messages';

const BATCH_MS = 200;
/** Batches a tab may leave unanswered. */
const MOST_UNANSWERED = 150;

interface Tab {
  port: MessagePort;
  unanswered: number;
  lost: boolean;
}

class Source {
  readonly tabs = new Set<Tab>();
  #link: FromWorker | null = null;
  #lastId = '';
  #waiting: StreamEvent[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sentAt = 0;
  readonly #close: () => void;

  constructor(
    url: string,
    readonly ended: () => void,
  ) {
    this.#close = openStream(url, {
      onOpen: (resumed) => this.#say({ kind: 'open', resumed }),
      onEvent: (event) => this.#take(event),
      onBreak: () => this.#say({ kind: 'break', since: Date.now() }),
      onRefused: (error) => {
        const { message } = error;
        const status = 'status' in error ? Number(error.status) : 0;
        this.#say({ kind: 'refused', message, status });
        this.ended();
      },
    });
  }

  join(tab: Tab): void {
    this.tabs.add(tab);
    if (this.#link?.kind === 'open') tab.port.postMessage({ kind: 'open', resumed: false });
    else if (this.#link !== null) tab.port.postMessage(this.#link);
    const greeting = { id: this.#lastId, event: 'hello', data: '{}' };
    if (this.#lastId) tab.port.postMessage({ kind: 'events', events: [greeting] });
  }

  leave(tab: Tab): void {
    this.tabs.delete(tab);
    if (this.tabs.size > 0) return;
    this.#close();
    clearTimeout(this.#timer);
    this.ended();
  }

  #say(message: FromWorker): void {
    this.#flush();
    const broke = message.kind === 'break' && this.#link?.kind === 'break';
    if (!broke) this.#link = message; // stale since the first break, not the latest try
    for (const tab of this.tabs) tab.port.postMessage(this.#link);
  }

  #take(event: StreamEvent): void {
    if (event.id) this.#lastId = event.id;
    this.#waiting.push(event);
    if (this.#timer !== undefined) return;
    const left = this.#sentAt + BATCH_MS - Date.now();
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, left));
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    this.#sentAt = Date.now();
    for (const tab of this.tabs) {
      if (tab.unanswered >= MOST_UNANSWERED) {
        tab.lost = true;
        continue;
      }
      tab.unanswered += 1;
      tab.port.postMessage({ kind: 'events', events } satisfies FromWorker);
    }
  }

  answered(tab: Tab): void {
    tab.unanswered = Math.max(0, tab.unanswered - 1);
    if (!tab.lost || tab.unanswered > 0) return;
    tab.lost = false;
    const reset = { id: this.#lastId, event: 'reset', data: '{}' };
    tab.port.postMessage({ kind: 'events', events: [reset] } satisfies FromWorker);
  }
}

const sources = new Map<string, Source>();

function serve(port: MessagePort): void {
  const tab: Tab = { port, unanswered: 0, lost: false };
  let source: Source | undefined;
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'answered') source?.answered(tab);
    else if (data.kind === 'bye') source?.leave(tab);
    else {
      const key = `${data.user} ${data.url}`;
      source = sources.get(key);
      if (source === undefined) {
        const made = new Source(data.url, () => {
          if (sources.get(key) === made) sources.delete(key);
        });
        source = made;
        sources.set(key, made);
      }
      source.join(tab);
    }
  };
}

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  serve(event.ports[0]!);
};
