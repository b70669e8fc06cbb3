/** Months, statements and budgets. */

import type { Served } from './types';
import { ROOT, faultOf, get, inFarm } from './client';

export type Months = Served['MonthsAnswer'];
export type Month = Served['MonthRow'];
export type Sheet = Served['StatementTable'];
export type Statement = Served['StatementAnswer'];
export type Budget = Served['BudgetRow'];

export const getMonths = (farm: string) => get<Months>(`${inFarm(farm)}/months`);

export const getStatement = (farm: string, month: string) =>
  get<Statement>(`${inFarm(farm)}/months/${encodeURIComponent(month)}/statement`, {
    by: 'client,project,component',
  });

export const getBudgets = (farm: string) => get<Served['BudgetsAnswer']>(`${inFarm(farm)}/budgets`);

/** Where a browser gets a statement as a file; with `lines`, with every line down to its attempt. */
export const statementUrl = (farm: string, month: string, kind: string, lines = false) =>
  `${ROOT}${inFarm(farm)}/months/${encodeURIComponent(month)}/statement/${kind}${
    lines ? '?lines=true' : ''
  }`;

/** Get a file and keep it under the name the server gives it. */
export async function keepFile(address: string): Promise<void> {
  const response = await fetch(address, { credentials: 'same-origin' });
  if (!response.ok) throw await faultOf(response);
  const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '');
  const held = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = held;
  link.download = named?.[1] ?? '';
  link.click();
  // The browser has begun to write it by then; what is kept for it would else stay in memory.
  setTimeout(() => URL.revokeObjectURL(held), 60_000);
}
