/** One report, asked again when what is asked changes. */

import { createEffect, createSignal, on, type Accessor } from 'solid-js';
import { getReport, reasonOf, type ReportQuery } from '../api/client';
import type { Report } from '../api/types';
import { useFarm } from './farm';

export interface ReportState {
  report: Accessor<Report | null>;
  /** Why there is none, in the server's words. */
  problem: Accessor<string | null>;
  isReading: Accessor<boolean>;
}

export function createReport(asked: Accessor<ReportQuery | null>): ReportState {
  const farm = useFarm();
  const [report, setReport] = createSignal<Report | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [isReading, setReading] = createSignal(false);
  let turn = 0;

  createEffect(
    on([asked, () => farm.store.farm?.farm_id], async ([query, farmId]) => {
      if (query === null || farmId === undefined) return;
      const mine = ++turn;
      setReading(true);
      try {
        const found = await getReport(farmId, query);
        if (mine !== turn) return;
        setReport(found);
        setProblem(null);
      } catch (error) {
        if (mine !== turn) return;
        setReport(null);
        setProblem(reasonOf(error));
      } finally {
        if (mine === turn) setReading(false);
      }
    }),
  );
  return { report, problem, isReading };
}
