/** The wrangle inbox, as the REST API answers it. */

import type { Instant } from './types';
import { get, inFarm, post } from './client';

export interface Named {
  id: string;
  name: string;
  count: number;
}

export interface Example {
  at: Instant;
  text: string;
  job_id: string | null;
  job: string | null;
  task_id: string | null;
  attempt: number | null;
  worker_id: string | null;
  worker: string | null;
  line: number | null;
  page: string | null;
}

export interface Cluster {
  cluster_id: string;
  trouble: string;
  signature: string;
  title: string;
  count: number;
  lost_ms: number;
  first_at: Instant;
  last_at: Instant;
  jobs: Named[];
  workers: Named[];
  examples: Example[];
  fixes: string[];
  state: 'open' | 'snoozed' | 'handled';
  snoozed_until_at: Instant | null;
  assignee: string | null;
  deed_id: string | null;
  deed: string | null;
}

export interface DeedRow {
  deed_id: string;
  cluster_id: string;
  title: string;
  fix: string;
  text: string;
  at: Instant;
  by: string;
}

export interface Inbox {
  now: Instant;
  clear_since_at: Instant | null;
  open: number;
  snoozed: number;
  handled: number;
  lost_ms: number;
  clusters: Cluster[];
  deeds: DeedRow[];
}

export interface InboxOutcome {
  fix: string;
  applied: boolean;
  text: string;
  clusters: {
    cluster_id: string;
    title: string;
    text: string;
    deed_id: string | null;
    refused: string | null;
  }[];
}

export interface InboxAsk {
  clusters: string[];
  fix: string;
  workers?: string[];
  jobs?: string[];
  until_at?: Instant;
  assignee?: string | null;
  apply: boolean;
}

const at = (farm: string) => `${inFarm(farm)}/wrangle`;

export const getInbox = (farm: string) => get<Inbox>(at(farm));
export const getCluster = (farm: string, cluster: string) =>
  get<Cluster>(`${at(farm)}/${encodeURIComponent(cluster)}`);
export const actOnInbox = (farm: string, asked: InboxAsk) =>
  post<InboxOutcome>(`${at(farm)}/actions`, asked);
export const undoDeed = (farm: string, deed: string) =>
  post<{ text: string }>(`${at(farm)}/deeds/${encodeURIComponent(deed)}/undo`, {});
