/** A page of settings: what the server has, and what is done to it. */

import { createResource, createSignal } from 'solid-js';
import { reasonOf } from '../api/client';
import { useFarm } from './farm';
import { isOwner } from './may';

export function createSettings<T>(read: (farm: string) => Promise<T>) {
  const farm = useFarm();
  const id = () => farm.store.farm!.farm_id;
  const [found, { refetch }] = createResource(id, read);
  const [failure, setFailure] = createSignal('');
  const [told, setTold] = createSignal('');
  /** Does something, says that it was done or why not, and reads again. */
  const run = async <R>(deed: Promise<R>, done: (answer: R) => string): Promise<boolean> => {
    setFailure('');
    setTold('');
    try {
      const answer = await deed;
      setTold(done(answer));
      return true;
    } catch (error) {
      setFailure(reasonOf(error));
      return false;
    } finally {
      void refetch();
    }
  };
  const problem = () => (found.error ? reasonOf(found.error) : failure());
  /** What was read last; undefined while there is nothing. */
  const now = () => (found.error ? undefined : found.latest);
  return { id, now, problem, told, run, isOwner: () => isOwner(farm) };
}
