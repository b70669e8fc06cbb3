/** The newest jobs of the person at this page, however many others the farm has. */

import { createMemo, type Accessor } from 'solid-js';
import { findJobs } from '../api/client';
import type { JobRow } from '../api/types';
import { createCounted } from './counted';
import { useFarm } from './farm';

const MOST = 50;

export function createOwnJobs(): Accessor<JobRow[]> {
  const farm = useFarm();
  const name = () => farm.store.me?.name ?? '';
  const found = createCounted(async (farmId) => {
    const where = `user="${name()}"`;
    return (await findJobs(farmId, { where, limit: MOST, after: null })).jobs;
  });
  return createMemo(() => found() ?? farm.store.jobs.filter((job) => job.user === name()));
}
