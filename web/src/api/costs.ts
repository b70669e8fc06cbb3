/** Months, statements and budgets. */

import type { Instant, Money } from './types';
import { ROOT, get, inFarm } from './client';

export interface Month {
  month: string;
  status: string;
  frozen_at: Instant | null;
  cost: Money | null;
}

export interface Sheet {
  columns: string[];
  rows: (string | number | null)[][];
  machine_ms: number;
  amount: Money | null;
  printed: Money | null;
}

export interface Statement {
  month: string;
  status: string;
  currency: string;
  start_at: Instant;
  end_at: Instant;
  frozen_at: Instant | null;
  frozen_by: string | null;
  example: boolean;
  rows: Sheet;
  waste: Sheet;
  payers: Sheet;
  lines: number;
  sessions: number;
  attempts: number;
}

export interface Budget {
  budget_id: string;
  name: string;
  amount: Money;
  spent: Money | null;
  scope: Record<string, string>;
  stops?: boolean;
  [further: string]: unknown;
}

export const getMonths = (farm: string) =>
  get<{ currency: string; open_month: string; months: Month[] }>(`${inFarm(farm)}/months`);

export const getStatement = (farm: string, month: string) =>
  get<Statement>(`${inFarm(farm)}/months/${encodeURIComponent(month)}/statement`, {
    by: 'client,project,component',
  });

export const getBudgets = (farm: string) =>
  get<{ currency: string; budgets: Budget[] }>(`${inFarm(farm)}/budgets`);

export const statementUrl = (farm: string, month: string, kind: string) =>
  `${ROOT}${inFarm(farm)}/months/${encodeURIComponent(month)}/statement/${kind}`;
