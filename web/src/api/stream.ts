/** Server-sent events over fetch: unlike EventSource it tells silence from life and may resume by id. */

import { faultOf } from './client';

export interface StreamEvent {
  id: string;
  event: string;
  data: string;
}

export interface StreamHandlers {
  /** The stream is open; `resumed` is true when it goes on after a break. */
  onOpen(resumed: boolean): void;
  onEvent(event: StreamEvent): void;
  /** The stream broke or fell silent; it is opened again by itself. */
  onBreak(): void;
  /** The server refuses for good, e.g. with 401. */
  onRefused(error: Error): void;
}

const SILENCE_MS = 25_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5_000;

/** Cuts a text stream into events. Comments (keep-alives) yield nothing. */
export class EventParser {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  push(text: string): StreamEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    const events: StreamEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) {
          const data = this.#data.join('\n');
          events.push({ id: this.#id, event: this.#event || 'message', data });
        }
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') this.#data.push(value);
      else if (field === 'event') this.#event = value;
      else if (field === 'id') this.#id = value;
    }
    return events;
  }
}

/** Reads `url` until the returned function is called. */
export function openStream(url: string, handlers: StreamHandlers): () => void {
  const stop = new AbortController();
  void follow(url, handlers, stop.signal);
  return () => stop.abort();
}

async function follow(url: string, handlers: StreamHandlers, stop: AbortSignal): Promise<void> {
  let lastId = '';
  let wasOpen = false;
  let retry = FIRST_RETRY_MS;
  while (!stop.aborted) {
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    stop.addEventListener('abort', abort);
    let silence = setTimeout(abort, SILENCE_MS);
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (lastId) headers['last-event-id'] = lastId;
      const response = await fetch(url, {
        headers,
        cache: 'no-store',
        credentials: 'same-origin',
        signal: attempt.signal,
      });
      if (response.status === 401 || response.status === 403) {
        handlers.onRefused(await faultOf(response));
        return;
      }
      if (!response.ok || response.body === null) throw await faultOf(response);
      handlers.onOpen(wasOpen);
      wasOpen = true;
      retry = FIRST_RETRY_MS;
      const parser = new EventParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(silence);
        silence = setTimeout(abort, SILENCE_MS);
        for (const event of parser.push(value)) {
          if (event.id) lastId = event.id;
          handlers.onEvent(event);
        }
      }
    } catch (error) {
      if (!stop.aborted) console.info('The live stream broke; trying again.', error);
    } finally {
      clearTimeout(silence);
      stop.removeEventListener('abort', abort);
    }
    if (stop.aborted) return;
    handlers.onBreak();
    await pause(retry, stop);
    retry = Math.min(retry * 2, LAST_RETRY_MS);
  }
}

function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
