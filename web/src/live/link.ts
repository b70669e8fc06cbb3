/** Live events of a farm: by the worker all tabs share, or by a stream of its own without one. */

import { ApiError } from '../api/client';
import { openStream, type StreamHandlers } from '../api/stream';
import type { FromWorker, ToWorker } from './messages';

/** A worker that has not said a word after so long is done without. */
const SILENT_MS = 10_000;

export function openLive(url: string, user: string, handlers: StreamHandlers): () => void {
  if (typeof SharedWorker === 'undefined') return openStream(url, handlers);
  let worker: SharedWorker;
  try {
    worker = new SharedWorker(new URL('./worker.ts', import.meta.url), {
      type: 'module',
      name: 'grange-live',
    });
  } catch {
    return openStream(url, handlers);
  }
  const over = new AbortController();
  const { port } = worker;
  const say = (message: ToWorker) => port.postMessage(message);
  let closeOwn: (() => void) | undefined;
  const withoutWorker = () => {
    if (over.signal.aborted || closeOwn !== undefined) return;
    say({ kind: 'bye' });
    port.close();
    closeOwn = openStream(url, handlers);
  };
  const silence = setTimeout(withoutWorker, SILENT_MS);
  worker.addEventListener('error', withoutWorker, { signal: over.signal });
  port.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    clearTimeout(silence);
    switch (data.kind) {
      case 'open':
        handlers.onOpen(data.resumed);
        break;
      case 'break':
        handlers.onBreak();
        break;
      case 'refused':
        handlers.onRefused(new ApiError(data.status, 'refused', data.message));
        break;
      case 'events':
        for (const event of data.events) handlers.onEvent(event);
        say({ kind: 'answered' });
    }
  };
  say({ kind: 'join', url, user });
  window.addEventListener('pagehide', () => say({ kind: 'bye' }), { signal: over.signal });
  // A page that comes back from the browser's memory has missed events.
  window.addEventListener(
    'pageshow',
    (event) => {
      if (!event.persisted) return;
      say({ kind: 'join', url, user });
      handlers.onEvent({ id: '', event: 'reset', data: '{}' });
    },
    { signal: over.signal },
  );
  return () => {
    clearTimeout(silence);
    over.abort();
    closeOwn?.();
    if (closeOwn === undefined) say({ kind: 'bye' });
    port.close();
  };
}
