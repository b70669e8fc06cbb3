import { For, Show, createMemo, createResource, createSignal } from 'solid-js';
import { useLocation, useParams, useSearchParams } from '@solidjs/router';
import { ApiError, getJob } from '../api/client';
import { JobActions } from '../components/Actions';
import { CostSoFar, EtaLine } from '../components/JobCost';
import { FrameTimes } from '../components/FrameTimes';
import { JobForms } from '../components/FramesAgain';
import { Attempts, JobEvents } from '../components/JobRecord';
import { JobErrors, JobView, jobTitle } from '../components/JobView';
import { MachineTimeChart } from '../components/MachineTimeChart';
import { Panel } from '../components/Panel';
import { Movies, PreviewGrid } from '../components/PreviewGrid';
import { RangePicker, spanOf } from '../components/RangePicker';
import { Receipt } from '../components/Receipt';
import { WhyPanel, waits } from '../components/Why';
import { chooseFarm, useFarm } from '../state/farm';
import { createJobState } from '../state/job';
import { createMachineTime } from '../state/machineTime';
import { mayChange } from '../state/may';
import { createTitle } from '../state/title';
import { NotFound } from './NotFound';
import '../styles/job.css';

function Facts(props: { title: string; facts: Record<string, unknown> }) {
  return (
    <Show when={Object.keys(props.facts).length > 0}>
      <Panel title={props.title}>
        <dl class="facts wide">
          <For each={Object.entries(props.facts)}>
            {([name, value]) => (
              <>
                <dt>{name}</dt>
                <dd class="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
              </>
            )}
          </For>
        </dl>
      </Panel>
    </Show>
  );
}

/** Attributes that somebody or something set. */
const assigned = (attributes: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== 'unassigned'));

/** Parameters without their types. */
const values = (parameters: Record<string, Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, typed]) => [name, Object.values(typed)[0]]),
  );

/** An address of a job names no farm: if another farm has the job, the page goes there. */
function JobElsewhere(props: { jobId: string }) {
  const farm = useFarm();
  const here = useLocation();
  const others = () => farm.store.farms.filter((one) => one.farm_id !== farm.store.farm?.farm_id);
  const [found] = createResource(others, async (farms) => {
    for (const { farm_id: id } of farms) {
      try {
        await getJob(id, props.jobId);
        chooseFarm(id, `${here.pathname}${here.search}${here.hash}`);
        return true;
      } catch (error) {
        // It has no such job, or shows it to others only.
        if (!(error instanceof ApiError)) throw error;
      }
    }
    return false;
  });
  return (
    <Show when={found.latest === false || found.error !== undefined}>
      <NotFound what="There is no job with this id." />
    </Show>
  );
}

/** Everything about one job. */
export function JobPage() {
  const farm = useFarm();
  const parameters = useParams<{ id: string }>();
  const [query] = useSearchParams<{ range?: string }>();
  const job = createJobState(() => parameters.id);
  const span = createMemo(() => spanOf(query.range, job.row(), job.receipt()), null, {
    equals: (a, b) => a?.start === b?.start && a?.end === b?.end,
  });
  const time = createMachineTime(span);
  createTitle(() => jobTitle(job));
  const [explained, setExplained] = createSignal('');
  const isWaiting = () => job.row() !== null && waits(job.row()!);
  /** From top to bottom: nothing is put in above what somebody already reads or reaches for. */
  const isRead = () => job.isSettled() && (!isWaiting() || explained() === parameters.id);
  return (
    <Show when={!job.isMissing()} fallback={<JobElsewhere jobId={parameters.id} />}>
      <JobView job={job} />
      <Show when={job.isSettled()}>
        <Show when={job.row()?.ended_at === null}>
          <EtaLine row={job.row()!} />
        </Show>
        <Show when={job.row()}>{(row) => <JobActions row={row()} />}</Show>
        <Show when={job.row() !== null && mayChange(farm, job.row()!) && job.detail()}>
          {(detail) => <JobForms detail={detail()} />}
        </Show>
        <Show when={isWaiting()}>
          <WhyPanel jobId={parameters.id} onAnswer={() => setExplained(parameters.id)} />
        </Show>
      </Show>
      <Show when={isRead()}>
        <Show when={job.detail()}>{(detail) => <JobErrors detail={detail()} />}</Show>
        <Movies jobId={parameters.id} job={job} />
        <FrameTimes job={job} />
        <PreviewGrid jobId={parameters.id} job={job} />
        <Show when={job.row()}>{(row) => <CostSoFar row={row()} />}</Show>
        <Show when={job.receipt()}>{(receipt) => <Receipt receipt={receipt()} />}</Show>
        <Panel title="Machine time" aside={<RangePicker job={job.row()} />}>
          <MachineTimeChart time={time()} />
        </Panel>
        <Attempts jobId={parameters.id} />
        <JobEvents jobId={parameters.id} />
        <Show when={job.detail()}>
          {(detail) => (
            <div class="halves">
              <Facts title="Attributes" facts={assigned(detail().attributes)} />
              <Facts title="Parameters" facts={values(detail().parameters)} />
            </div>
          )}
        </Show>
      </Show>
    </Show>
  );
}
