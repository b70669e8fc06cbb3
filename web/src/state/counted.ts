/** What a farm's overview cannot say, since it has the newest jobs alone. */

import { createEffect, createSignal, on, onCleanup, type Accessor } from 'solid-js';
import { NEWEST, useFarm } from './farm';
import { throttle } from './throttle';

const EVERY_MS = 5_000;

/** What `ask` answers, at most every five seconds while jobs change; null: the overview has all. */
export function createCounted<T>(ask: (farm: string) => Promise<T>): Accessor<T | null> {
  const farm = useFarm();
  const [found, setFound] = createSignal<T | null>(null);
  const isNeeded = () => farm.store.jobs.length >= NEWEST;
  let turn = 0;
  const read = async () => {
    turn += 1;
    const mine = turn;
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined || !isNeeded()) return setFound(null);
    try {
      const answer = await ask(farmId);
      if (mine === turn) setFound(() => answer);
    } catch (error) {
      console.info('Jobs could not be counted; it is tried again.', error);
    }
  };
  const refresh = throttle(() => void read(), EVERY_MS);
  onCleanup(() => refresh.cancel());
  createEffect(on([isNeeded, () => farm.store.farm?.farm_id], () => void read()));
  farm.onRefresh(refresh);
  farm.listen((event) => event.jobId !== null && refresh());
  return found;
}
