import { Match, Show, Switch, createMemo } from 'solid-js';
import { useSearchParams } from '@solidjs/router';
import type { WorkerRow } from '../api/types';
import { ListPage } from '../components/ListPage';
import { MachineTimeChart } from '../components/MachineTimeChart';
import { Panel } from '../components/Panel';
import { RangePicker, spanOf } from '../components/RangePicker';
import { WorkerList } from '../components/Workers';
import { HeatStrip, WallMap, WorkerViews, createWorkerView } from '../components/WorkerWall';
import { plural } from '../format/number';
import { NARROW_WORKERS, workerColumns } from '../grid/columns';
import { workerDeeds } from '../state/deeds';
import { useFarm } from '../state/farm';
import { mayManage } from '../state/may';
import { useWorkerList } from '../state/lists';
import { createMachineTime } from '../state/machineTime';
import { createTitle } from '../state/title';
import { WORKER_LOOKS, workerLook } from '../theme/states';

/** All workers as a list. */
function Listed() {
  const farm = useFarm();
  return (
    <ListPage<WorkerRow>
      page="workers"
      title="Workers"
      noun="worker"
      example="state=idle cpu<50 group=gpu"
      short
      list={useWorkerList(farm)}
      columns={workerColumns(farm.zone)}
      narrow={NARROW_WORKERS}
      usual={[{ key: 'name', descending: false }]}
      groups={{
        state: { label: 'State', of: (row) => workerLook(row.status).word },
        fleet: { label: 'Fleet', of: (row) => row.fleet },
        groups: { label: 'Groups', of: (row) => row.groups ?? '' },
        job: { label: 'Job', of: (row) => row.job_names ?? '' },
      }}
      stateOf={(row) => row.status}
      look={workerLook}
      states={Object.keys(WORKER_LOOKS)}
      open={(row) => `/workers/${row.worker_id}`}
      deeds={(rows) => (mayManage(farm) ? workerDeeds(rows) : [])}
      aside={<WorkerViews />}
      empty={
        <p>
          No worker has joined. On a machine that shall render, run{' '}
          <code>grange worker join {location.origin}</code>
        </p>
      }
    />
  );
}

/** All workers, and what they did lately. */
export function WorkersPage() {
  const farm = useFarm();
  createTitle(() => 'Workers');
  const [query] = useSearchParams<{ range?: string }>();
  const span = createMemo(() => spanOf(query.range ?? '10m', null, null), null, {
    equals: (a, b) => a?.start === b?.start && a?.end === b?.end,
  });
  const time = createMachineTime(span);
  const shows = createWorkerView();
  return (
    <>
      <Show when={shows() !== ''} fallback={<Listed />}>
        <section class="panel" aria-labelledby="workers-title">
          <header>
            <h1 id="workers-title" class="page-title">
              Workers
            </h1>
            <div class="aside">
              {plural(farm.store.workers.length, 'worker')} <WorkerViews />
            </div>
          </header>
          <Switch
            fallback={
              <div class="wall">
                <WorkerList linked />
              </div>
            }
          >
            <Match when={shows() === 'wall'}>
              <WallMap />
            </Match>
            <Match when={shows() === 'heat'}>
              <HeatStrip />
            </Match>
          </Switch>
        </section>
      </Show>
      <Show when={shows() === ''}>
        <Panel title="Machine time" aside={<RangePicker job={null} />}>
          <MachineTimeChart time={time()} />
        </Panel>
      </Show>
    </>
  );
}
