/** What a farm is told once: hooks and messages, power policies, licences. */

import { get, inFarm, post, send } from './client';
import type { Instant } from './types';

export const EVENTS = [
  'job_submitted',
  'first_frame',
  'first_failure',
  'job_succeeded',
  'job_failed',
  'job_canceled',
  'worker_quarantined',
  'budget_reached',
] as const;

export interface HookRow {
  hook_id: string;
  name: string;
  events: string[];
  kind: string;
  target: string;
  waiting: number;
  last_error: string;
  created_at: Instant;
  created_by: string;
}

export interface MessageRow {
  user: string;
  to: string[];
  events: string[];
  digest_seconds: number;
  quiet: [number, number] | null;
  told_at: Instant | null;
}

export interface DeliveryRow {
  hook_id: string;
  event_id: string;
  event: string;
  status: string;
  attempts: number;
  next_at: Instant | null;
  error: string;
  created_at: Instant;
  ended_at: Instant | null;
}

export interface HookMade {
  hook_id: string;
  secret: string;
}

export interface PowerPolicy {
  scope: string;
  wake: boolean;
  wake_most: number;
  wake_tries: number;
  boot_seconds: number;
  shutdown_idle_seconds: number | null;
  restart_up_seconds: number | null;
  keep_on: number;
  hours: string;
  address: string;
  port: number;
  updated_at: Instant;
  updated_by: string;
}

export interface MachinePower {
  worker_id: string;
  name: string;
  status: string;
  order: string | null;
  ordered_at: Instant | null;
  ordered_by: string | null;
  booting_since_at: Instant | null;
  wake_tries: number;
}

export const REGIONS = ['default', 'workstation', 'farm', 'cloud'] as const;
export type Region = (typeof REGIONS)[number];

export interface Terms {
  is_set: boolean;
  count: number;
  unlimited: boolean;
  /** Held by sessions now. */
  in_use: number;
  cost: string;
}

export interface Pool {
  app: string;
  plugin: string;
  version: string;
  regions: Record<Region, Terms>;
  updated_at: Instant;
  updated_by: string;
}

export interface LicenceServer {
  app: string;
  plugin: string;
  version: string;
  region: string;
  seats: number;
  others: number | null;
  answered_at: Instant | null;
  problem: string;
}

export interface Licences {
  pools: Pool[];
  servers: LicenceServer[];
  currency: string;
}

const hook = (farm: string, id: string) => `${inFarm(farm)}/hooks/${encodeURIComponent(id)}`;

export const getHooks = (farm: string) =>
  get<{ hooks: HookRow[]; messages: MessageRow[] }>(`${inFarm(farm)}/hooks`);
export const getDeliveries = async (farm: string): Promise<DeliveryRow[]> =>
  (await get<{ deliveries: DeliveryRow[] }>(`${inFarm(farm)}/hook-deliveries`, { limit: 50 }))
    .deliveries;
export const putHook = (
  farm: string,
  asked: { name: string; events: string[]; url: string; command: string[] },
) => post<HookMade>(`${inFarm(farm)}/hooks`, asked);
export const removeHook = (farm: string, id: string) => send('DELETE', hook(farm, id));
export const testHook = (farm: string, id: string) =>
  post<DeliveryRow>(`${hook(farm, id)}/test`, {});
export const replayDelivery = (farm: string, one: DeliveryRow) =>
  post<{ replayed: number }>(`${hook(farm, one.hook_id)}/replay`, { event_id: one.event_id });
export const removeMessages = (farm: string, user: string) =>
  send('DELETE', `${inFarm(farm)}/messages/${encodeURIComponent(user)}`);

const policy = (farm: string, scope: string) =>
  `${inFarm(farm)}/power/${encodeURIComponent(scope)}`;

export const getPower = (farm: string) =>
  get<{ policies: PowerPolicy[]; machines: MachinePower[] }>(`${inFarm(farm)}/power`);
export const putPolicy = (
  farm: string,
  scope: string,
  asked: Omit<PowerPolicy, 'scope' | 'updated_at' | 'updated_by'>,
) => send('PUT', policy(farm, scope), asked);
export const removePolicy = (farm: string, scope: string) => send('DELETE', policy(farm, scope));

export const getLicences = (farm: string) => get<Licences>(`${inFarm(farm)}/licences`);
export const putLicences = (
  farm: string,
  pool: { app: string; plugin: string; version: string },
  regions: Partial<Record<Region, { count: number; unlimited: boolean; cost: string } | null>>,
) => post(`${inFarm(farm)}/licences`, { ...pool, regions });
export const removeLicences = (
  farm: string,
  pool: { app: string; plugin: string; version: string },
) => {
  const { app, plugin, version } = pool;
  return send(
    'DELETE',
    `${inFarm(farm)}/licences?${new URLSearchParams({ app, plugin, version }).toString()}`,
  );
};
