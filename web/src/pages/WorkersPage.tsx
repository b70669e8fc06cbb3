import { Match, Switch, createMemo } from 'solid-js';
import { useSearchParams } from '@solidjs/router';
import { MachineTimeChart } from '../components/MachineTimeChart';
import { Panel } from '../components/Panel';
import { RangePicker, spanOf } from '../components/RangePicker';
import { WorkerList } from '../components/Workers';
import { HeatStrip, WallMap, WorkerViews, createWorkerView } from '../components/WorkerWall';
import { plural } from '../format/number';
import { useFarm } from '../state/farm';
import { createMachineTime } from '../state/machineTime';
import { createTitle } from '../state/title';

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
      <Panel title="Machine time" aside={<RangePicker job={null} />}>
        <MachineTimeChart time={time()} />
      </Panel>
    </>
  );
}
