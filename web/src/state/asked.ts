/** Something asked of the server again while what it is about changes. */

import { createEffect, createSignal, on, onCleanup, type Accessor } from 'solid-js';
import { useFarm } from './farm';
import { throttle } from './throttle';

/**
 * What `ask` answers for the job, asked again whenever `key` changes and, at most every `everyMs`,
 * when the farm tells of the job. The last answer stays while another about it is on its way.
 */
export function createAsked<T>(
  jobId: Accessor<string>,
  key: Accessor<unknown>,
  ask: (farm: string, job: string) => Promise<T>,
  everyMs: number,
  hearsWorkers = false,
): Accessor<T | null> {
  const farm = useFarm();
  const [found, setFound] = createSignal<T | null>(null);
  let turn = 0;
  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    turn += 1;
    const mine = turn;
    try {
      const answer = await ask(farmId, jobId());
      if (mine === turn) setFound(() => answer);
    } catch (error) {
      console.info('A part of the job could not be read; it is tried again.', error);
    }
  };
  const refresh = throttle(() => void read(), everyMs);
  onCleanup(() => refresh.cancel());
  createEffect(
    on([jobId, key, () => farm.store.farm?.farm_id], ([job], before) => {
      // What was said of another job is not shown beside this one's name.
      if (before !== undefined && before[0] !== job) setFound(null);
      void read();
    }),
  );
  farm.onRefresh(refresh);
  farm.listen((event) => {
    if (event.kind === 'worker' ? hearsWorkers : event.jobId === jobId()) refresh();
  });
  return found;
}
