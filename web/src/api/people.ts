/** Users, levels, sign-ins and the audit log. */

import { faultOf, get, inFarm, post, send } from './client';
import type { Instant } from './types';

export const LEVELS = ['VIEWER', 'CONTRIBUTOR', 'MANAGER', 'OWNER'] as const;
export type Level = (typeof LEVELS)[number];
export const HOMES = ['artist', 'wrangler', 'admin', 'finance'] as const;
export type Home = (typeof HOMES)[number];

export interface Membership {
  user_name: string;
  farm_id: string;
  place: 'farm' | 'queue' | 'job';
  target_id: string;
  level: Level;
  created_at: Instant;
  created_by: string;
}

export interface UserRow {
  name: string;
  role: 'owner' | 'member' | 'worker';
  created_at: Instant;
  created_by: string;
  disabled: boolean;
  keys: { key_id: string; revoked: boolean; created_at: Instant }[];
  has_password: boolean;
  sign_ins: number;
  memberships: Membership[];
}

export interface AuditRow {
  audit_id: string;
  at: Instant;
  actor: string;
  operation: string;
  outcome: 'done' | 'refused';
  farm_id: string;
  kind: string;
  subject: string;
  detail: string;
  reason: string;
  credential: string;
  address: string;
  request_id: string;
}

export interface SignInRow {
  sign_in_id: string;
  how: string;
  address: string;
  browser: string;
  created_at: Instant;
  expires_at: Instant;
  this: boolean;
}

const at = (text: string) => encodeURIComponent(text);

export const getUsers = async (): Promise<UserRow[]> =>
  (await get<{ users: UserRow[] }>('/users')).users;
export const addUser = (name: string, role: string, farm: string) =>
  post<UserRow>('/users', {
    name,
    role,
    ...(role === 'worker' ? { farm_id: farm } : {}),
  });
export const setDisabled = (name: string, disabled: boolean) =>
  send('PATCH', `/users/${at(name)}`, { disabled });
export const setPassword = (name: string, password: string | null) =>
  send('PUT', `/users/${at(name)}/password`, { password });
export const signOutUser = (name: string) => send('DELETE', `/users/${at(name)}/sign-ins`);
export const addKey = (name: string) =>
  post<{ key_id: string; secret: string }>(`/users/${at(name)}/keys`, {});
export const revokeKey = (name: string, key: string) =>
  send('DELETE', `/users/${at(name)}/keys/${at(key)}`);
export const setLevel = (farm: string, name: string, level: Level | null) =>
  send('PUT', `${inFarm(farm)}/memberships/${at(name)}`, { level, place: 'farm' });

export const setHome = (home: Home) => send('PATCH', '/me', { home });
export const setMyPassword = (current: string, password: string) =>
  send('PUT', '/me/password', { current, password });
export const getMySignIns = async (): Promise<SignInRow[]> =>
  (await get<{ sign_ins: SignInRow[] }>('/me/sign-ins')).sign_ins;
export const signOutEverywhere = () => send('DELETE', '/me/sign-ins');
export const signOutOne = (id: string) => send('DELETE', `/me/sign-ins/${at(id)}`);

export interface AuditQuery {
  where: string;
  since?: Instant;
  before?: string;
  limit: number;
}

/** Entries of the audit log, newest first: of the whole server, or of a farm. */
export const getAudit = (farm: string | null, { where, ...asked }: AuditQuery) =>
  get<{ entries: AuditRow[]; older: string | null }>(
    farm === null ? '/audit' : `${inFarm(farm)}/audit`,
    { ...asked, ...(where ? { where } : {}) },
  );

/** Sign this browser in; the error says why not. */
export async function signIn(name: string, password: string): Promise<void> {
  const response = await fetch('/login', {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    credentials: 'same-origin',
    body: JSON.stringify({ name, password }),
  });
  if (!response.ok) throw await faultOf(response);
}

/** Sign this browser out and show the way in. */
export async function signOut(): Promise<void> {
  await fetch('/logout', { method: 'POST', credentials: 'same-origin', redirect: 'manual' });
  window.location.assign('/');
}
