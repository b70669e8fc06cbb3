/** Months, statements and budgets. */

import type { Served } from './types';
import { ROOT, get, inFarm } from './client';

export type Month = Served['MonthRow'];
export type Sheet = Served['StatementTable'];
export type Statement = Served['StatementAnswer'];
export type Budget = Served['BudgetRow'];

export const getMonths = (farm: string) => get<Served['MonthsAnswer']>(`${inFarm(farm)}/months`);

export const getStatement = (farm: string, month: string) =>
  get<Statement>(`${inFarm(farm)}/months/${encodeURIComponent(month)}/statement`, {
    by: 'client,project,component',
  });

export const getBudgets = (farm: string) => get<Served['BudgetsAnswer']>(`${inFarm(farm)}/budgets`);

export const statementUrl = (farm: string, month: string, kind: string) =>
  `${ROOT}${inFarm(farm)}/months/${encodeURIComponent(month)}/statement/${kind}`;
