/** What tabs and the shared worker say to each other. */

import type { StreamEvent } from '../api/stream';

export type ToWorker =
  { kind: 'join'; url: string; user: string } | { kind: 'answered' } | { kind: 'bye' };

export type FromWorker =
  | { kind: 'open'; resumed: boolean }
  | { kind: 'events'; events: StreamEvent[] }
  | { kind: 'break'; since: number }
  | { kind: 'refused'; message: string; status: number };
