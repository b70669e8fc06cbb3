/** What the person at this page may do, as far as a page can know; the server decides. */

import type { JobRow } from '../api/types';
import type { FarmState } from './farm';

const RANKS: Record<string, number> = { VIEWER: 1, CONTRIBUTOR: 2, MANAGER: 3, OWNER: 4 };

/** The highest level on any of some places, as a number; 0: no member of any. */
function rankOn({ store }: FarmState, places: (string | undefined)[]): number {
  // Until it is known who this is, nothing is taken away.
  if (store.me === null || store.me.role === 'owner') return RANKS.OWNER!;
  const held = store.me.memberships.filter((one) => places.includes(one.target_id));
  return Math.max(0, ...held.map((one) => RANKS[one.level] ?? 0));
}

/** Whether somebody may change a job: a MANAGER any, a CONTRIBUTOR their own. */
export function mayChange(farm: FarmState, job: JobRow): boolean {
  const rank = rankOn(farm, [farm.store.farm?.farm_id, job.queue_id, job.job_id]);
  return rank >= RANKS.MANAGER! || (rank >= RANKS.CONTRIBUTOR! && job.user === farm.store.me?.name);
}

/** Whether somebody may tell workers what to do, and mend what the inbox shows. */
export const mayManage = (farm: FarmState): boolean =>
  rankOn(farm, [farm.store.farm?.farm_id]) >= RANKS.MANAGER!;
