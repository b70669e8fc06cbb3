import { Show, createMemo } from 'solid-js';
import { A, useSearchParams } from '@solidjs/router';
import { JobErrors, JobView, jobTitle } from '../components/JobView';
import { JobsTable } from '../components/JobsTable';
import { MachineTimeChart } from '../components/MachineTimeChart';
import { Panel } from '../components/Panel';
import { RangePicker, spanOf } from '../components/RangePicker';
import { Receipt } from '../components/Receipt';
import { WorkerList } from '../components/Workers';
import { plural } from '../format/number';
import { useFarm } from '../state/farm';
import { createJobState } from '../state/job';
import { createMachineTime } from '../state/machineTime';
import { createTitle } from '../state/title';

/** The farm now: the current job, the workers, and what every machine did. */
export function FarmPage() {
  const farm = useFarm();
  const [query] = useSearchParams<{ range?: string }>();
  const jobId = createMemo(() => farm.newestJob()?.job_id ?? null);
  const job = createJobState(jobId);
  const span = createMemo(() => spanOf(query.range, job.row(), job.receipt()), null, {
    equals: (a, b) => a?.start === b?.start && a?.end === b?.end,
  });
  const time = createMachineTime(span);
  createTitle(() => jobTitle(job));
  const rendering = () =>
    farm.store.workers.filter((worker) => worker.status === 'rendering').length;

  return (
    <>
      <h1 class="visually-hidden">Farm {farm.store.farm?.name}</h1>
      <div class="columns">
        <div class="stack">
          <Show
            when={jobId()}
            fallback={
              <Panel title="No jobs yet">
                <p class="empty">
                  Submit one: <code>grange submit --frames 1-24 -- COMMAND {'{start}'}</code>
                </p>
              </Panel>
            }
          >
            <JobView job={job} linked />
          </Show>
          <Show when={job.isSettled() && job.detail()}>
            {(detail) => <JobErrors detail={detail()} />}
          </Show>
        </div>
        <div class="stack">
          <Panel
            title="Workers"
            flush
            aside={`${rendering()} of ${plural(farm.store.workers.length, 'worker')} rendering`}
          >
            <WorkerList most={6} />
          </Panel>
        </div>
      </div>
      <Show when={jobId() === null || job.isSettled()}>
        <Show when={job.receipt()}>{(receipt) => <Receipt receipt={receipt()} />}</Show>
        <Panel title="Machine time" aside={<RangePicker job={job.row()} />}>
          <MachineTimeChart time={time()} />
        </Panel>
        <Panel title="Jobs" flush aside={<A href="/jobs">All jobs</A>}>
          <JobsTable jobs={farm.store.jobs.slice(0, 8)} />
        </Panel>
      </Show>
    </>
  );
}
