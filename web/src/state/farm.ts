/** The farm as this page sees it: one overview, kept live by one event stream. */

import { createContext, createSignal, onCleanup, useContext } from 'solid-js';
import { createStore, produce, reconcile, unwrap } from 'solid-js/store';
import { ApiError, eventsUrl, getFarms, getMe, getOverview } from '../api/client';
import type { StreamEvent } from '../api/stream';
import type { Farm, JobRow, Me, WorkerRow } from '../api/types';
import { openLive } from '../live/link';
import { now, setServerTime } from './clock';
import { throttle } from './throttle';

export type Link = 'connecting' | 'live' | 'stale';

/** What happened, told to the parts of a page that show more than the overview holds. */
export interface FarmEvent {
  kind: string;
  jobId: string | null;
  data: Record<string, unknown>;
}

interface FarmStore {
  me: Me | null;
  farm: Farm | null;
  farms: Farm[];
  queues: Record<string, string>;
  fleets: Record<string, string>;
  jobs: JobRow[];
  workers: WorkerRow[];
}

export interface FarmState {
  store: FarmStore;
  link: () => Link;
  /** When the page last knew for certain, once it no longer does. */
  staleSince: () => number | null;
  signedOut: () => boolean;
  failure: () => string | null;
  isLoaded: () => boolean;
  newestJob: () => JobRow | null;
  zone: () => string | undefined;
  listen(hear: (event: FarmEvent) => void): void;
  /** Every row an event brought, with the event's number; for lists of many. */
  follow(
    kind: 'job' | 'worker' | 'hello',
    hear: (rows: unknown[], number: number) => void,
  ): () => void;
  /** Called when what was missed is no longer known: everything is to be read again. */
  onReset(again: () => void): () => void;
  /** The number of the last event heard. */
  lastNumber: () => number;
  /** Called after a break, when deltas may be missing. */
  onRefresh(again: () => void): void;
}

const FarmContext = createContext<FarmState>();
export const FarmProvider = FarmContext.Provider;

export function useFarm(): FarmState {
  const state = useContext(FarmContext);
  if (state === undefined) throw new Error('useFarm is called outside of FarmProvider');
  return state;
}

/** Jobs the overview has; lists of all jobs have their own. */
export const NEWEST = 200;

const CHOSEN = 'grange-farm';
/** The farm that was shown last; the next page asks for it before its program is here: first.js. */
const SHOWN = 'grange.farm';

function chosenFarm(): string | null {
  return sessionStorage.getItem(CHOSEN);
}

function remember(farmId: string): void {
  try {
    localStorage.setItem(SHOWN, farmId);
  } catch {
    // A browser that stores nothing asks a little later.
  }
}

/** Shows another farm of the server, from its first page on, or from the page at an address. */
export function chooseFarm(farmId: string, path = '/'): void {
  sessionStorage.setItem(CHOSEN, farmId);
  window.location.assign(path);
}

/** Rows in an event: one, or a list of them. */
function rowsOf(data: unknown): Record<string, unknown>[] {
  return Array.isArray(data) ? data : [data as Record<string, unknown>];
}

export function createFarmState(): FarmState {
  const [store, setStore] = createStore<FarmStore>({
    me: null,
    farm: null,
    farms: [],
    queues: {},
    fleets: {},
    jobs: [],
    workers: [],
  });
  const [link, setLink] = createSignal<Link>('connecting');
  const [staleSince, setStaleSince] = createSignal<number | null>(null);
  const [signedOut, setSignedOut] = createSignal(false);
  const [failure, setFailure] = createSignal<string | null>(null);
  const [isLoaded, setLoaded] = createSignal(false);
  const listeners = new Set<(event: FarmEvent) => void>();
  const refreshers = new Set<() => void>();
  const resetters = new Set<() => void>();
  const followers = new Set<{
    kind: string;
    hear: (rows: unknown[], number: number) => void;
  }>();
  let lastNumber = 0;
  /** Of the last event that the overview includes. */
  let included = 0;
  let isGreeted = false;
  let close: (() => void) | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const fail = (error: unknown) => {
    if (error instanceof ApiError && error.isSignedOut) setSignedOut(true);
    else setFailure(error instanceof Error ? error.message : String(error));
  };

  const load = async (farmId: string) => {
    const overview = await getOverview(farmId);
    setServerTime(overview.now);
    included = overview.number;
    setStore(
      produce((state) => {
        state.queues = Object.fromEntries(overview.queues.map((row) => [row.queue_id, row.name]));
        state.fleets = Object.fromEntries(overview.fleets.map((row) => [row.fleet_id, row.name]));
      }),
    );
    // The same farm stays the same object: what was asked for it is not asked anew.
    setStore('farm', reconcile(overview.farm));
    setStore('jobs', reconcile(overview.jobs, { key: 'job_id' }));
    setStore('workers', reconcile(overview.workers, { key: 'worker_id' }));
    setLoaded(true);
    setFailure(null);
  };

  const reload = throttle(() => {
    if (store.farm !== null) load(store.farm.farm_id).catch(fail);
  }, 1000);

  const upsertJob = (row: JobRow) => {
    // Hundreds of rows a second come by: the store's own objects are looked through unwatched.
    const jobs = unwrap(store.jobs);
    const at = jobs.findIndex((job) => job.job_id === row.job_id);
    if (at >= 0) setStore('jobs', at, reconcile({ ...jobs[at]!, ...row }));
    else if (jobs.length < NEWEST || row.created_at >= jobs.at(-1)!.created_at) {
      setStore('jobs', (before) => [row, ...before].slice(0, NEWEST));
    }
  };

  const upsertWorker = (row: WorkerRow) => {
    const at = store.workers.findIndex((worker) => worker.worker_id === row.worker_id);
    if (at >= 0) setStore('workers', at, reconcile({ ...store.workers[at]!, ...row }));
    else setStore('workers', (workers) => [...workers, row]);
  };

  const hear = ({ id, event, data }: StreamEvent) => {
    if (id) lastNumber = Number(id);
    if (event === 'reset') {
      // The server no longer knows what this page missed: everything is read again.
      reload();
      for (const again of refreshers) again();
      for (const again of resetters) again();
      return;
    }
    if (event === 'hello' && !isGreeted) {
      isGreeted = true;
      // Something happened after the overview was read and before the stream began.
      if (lastNumber > included) {
        reload();
        for (const again of refreshers) again();
      }
    }
    const rows = rowsOf(JSON.parse(data));
    for (const follower of followers) {
      if (follower.kind === event) follower.hear(rows, lastNumber);
    }
    for (const row of rows) {
      // A row that says only which thing changed is looked up again.
      if (event === 'job') {
        if ('counts' in row) upsertJob(row as unknown as JobRow);
        else reload();
      } else if (event === 'worker') {
        if ('threads' in row) upsertWorker(row as unknown as WorkerRow);
        else reload();
      }
      const jobId = typeof row['job_id'] === 'string' ? row['job_id'] : null;
      for (const listener of listeners) listener({ kind: event, jobId, data: row });
    }
  };

  const findFarm = async () => {
    const farms = await getFarms();
    setStore('farms', farms);
    const farm = farms.find((row) => row.farm_id === chosenFarm()) ?? farms[0];
    // A page that needs to know no more begins with it, before the overview is here.
    if (farm !== undefined) {
      setStore('farm', reconcile(farm));
      remember(farm.farm_id);
    }
    return farm;
  };

  const start = async () => {
    try {
      const [me, farm] = await Promise.all([getMe(), findFarm()]);
      setStore('me', me);
      if (farm === undefined) {
        setFailure(
          me.role === 'member'
            ? 'You are no member of any farm yet. Ask whoever runs it: grange user set NAME'
            : 'This server holds no farm yet. Run: grange admin init',
        );
        return;
      }
      await load(farm.farm_id);
      close = openLive(eventsUrl(farm.farm_id), me.name, {
        onOpen: (resumed) => {
          setLink('live');
          setStaleSince(null);
          if (!resumed) return;
          reload();
          for (const again of refreshers) again();
        },
        onEvent: hear,
        onBreak: () => {
          setLink('stale');
          setStaleSince((since) => since ?? now());
        },
        onRefused: (error) => {
          setLink('stale');
          fail(error);
        },
      });
    } catch (error) {
      fail(error);
      setLink('stale');
      if (!signedOut()) retry = setTimeout(() => void start(), 2000);
    }
  };
  void start();
  onCleanup(() => {
    close?.();
    clearTimeout(retry);
    reload.cancel();
  });

  return {
    store,
    link,
    staleSince,
    signedOut,
    failure,
    isLoaded,
    newestJob: () => {
      const isOpen = (job: JobRow) => job.ended_at === null;
      const started = (job: JobRow) => isOpen(job) && job.started_at !== null;
      return store.jobs.find(started) ?? store.jobs.find(isOpen) ?? store.jobs[0] ?? null;
    },
    zone: () => store.farm?.zone,
    listen(listener) {
      listeners.add(listener);
      onCleanup(() => listeners.delete(listener));
    },
    follow(kind, hearRows) {
      const follower = { kind, hear: hearRows };
      followers.add(follower);
      return () => followers.delete(follower);
    },
    onReset(again) {
      resetters.add(again);
      return () => resetters.delete(again);
    },
    lastNumber: () => lastNumber,
    onRefresh(again) {
      refreshers.add(again);
      onCleanup(() => refreshers.delete(again));
    },
  };
}
