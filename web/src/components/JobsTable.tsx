import { For, Show } from 'solid-js';
import { A } from '@solidjs/router';
import type { JobRow } from '../api/types';
import { count } from '../format/number';
import { ago, elapsed, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { taskLook } from '../theme/states';
import { ProgressBar } from './ProgressBar';
import { StateChip } from './StateChip';

/** Jobs, the newest first. */
export function JobsTable(props: { jobs: JobRow[] }) {
  const farm = useFarm();
  return (
    <Show
      when={props.jobs.length > 0}
      fallback={
        <p class="empty pad">
          No jobs yet. Submit one: <code>grange submit --frames 1-24 -- COMMAND {'{start}'}</code>
        </p>
      }
    >
      <div class="scroll-x" role="region" aria-label="Jobs" tabindex="0">
        <table class="jobs">
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">State</th>
              <th scope="col">Tasks</th>
              <th scope="col" class="number">
                Frames
              </th>
              <th scope="col">User</th>
              <th scope="col">Project</th>
              <th scope="col" class="number">
                Priority
              </th>
              <th scope="col" class="number">
                Elapsed
              </th>
              <th scope="col">Submitted</th>
            </tr>
          </thead>
          <tbody>
            <For each={props.jobs}>
              {(job) => (
                <tr>
                  <td class="ellipsis name">
                    <A href={`/jobs/${job.job_id}`}>{job.name}</A>
                  </td>
                  <td>
                    <StateChip look={taskLook(job.status)} plain />
                  </td>
                  <td class="progress-cell">
                    <ProgressBar counts={job.counts} bare />
                  </td>
                  <td class="number">
                    {count(job.frames_done)} / {count(job.frames_total)}
                  </td>
                  <td>{job.user}</td>
                  <td>{job.project}</td>
                  <td class="number">{job.priority}</td>
                  <td class="number">{elapsed(job.started_at, job.ended_at, now())}</td>
                  <td data-tip={full(job.created_at, farm.zone())}>{ago(job.created_at, now())}</td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </div>
    </Show>
  );
}
