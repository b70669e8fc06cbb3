/** What the person at this page may do, as far as a page can know; the server decides. */

import { LEVELS, type Level } from '../api/people';
import type { JobRow } from '../api/types';
import type { FarmState } from './farm';

const rankOf = (level: string): number => LEVELS.indexOf(level as Level);

/** The rank of the highest level on any of some places; -1: no member of any. */
function rankOn({ store }: FarmState, places: (string | undefined)[]): number {
  // Until it is known who this is, nothing is taken away.
  if (store.me === null || store.me.role === 'owner') return rankOf('OWNER');
  const held = store.me.memberships.filter((one) => places.includes(one.target_id));
  return Math.max(-1, ...held.map((one) => rankOf(one.level)));
}

/** Whether somebody may change a job: a MANAGER any, a CONTRIBUTOR their own. */
export function mayChange(farm: FarmState, job: JobRow): boolean {
  const rank = rankOn(farm, [farm.store.farm?.farm_id, job.queue_id, job.job_id]);
  const isOwn = job.user === farm.store.me?.name;
  return rank >= rankOf('MANAGER') || (isOwn && rank >= rankOf('CONTRIBUTOR'));
}

/** Whether somebody may tell workers what to do, and mend what the inbox shows. */
export const mayManage = (farm: FarmState): boolean =>
  rankOn(farm, [farm.store.farm?.farm_id]) >= rankOf('MANAGER');

/** Whether somebody is known to own the farm, and with it its users and settings. */
export const isOwner = (farm: FarmState): boolean =>
  farm.store.me !== null && rankOn(farm, [farm.store.farm?.farm_id]) >= rankOf('OWNER');
