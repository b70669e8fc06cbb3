import { Show } from 'solid-js';
import { useSearchParams } from '@solidjs/router';
import { findJobs } from '../api/client';
import type { JobRow } from '../api/types';
import { JobHistory } from '../components/JobHistory';
import { ListPage } from '../components/ListPage';
import { jobColumns, NARROW_JOBS } from '../grid/columns';
import { jobDeeds, perform, setPriority } from '../state/deeds';
import { useFarm } from '../state/farm';
import { isListed, useJobList } from '../state/lists';
import { mayChange } from '../state/may';
import { createTitle } from '../state/title';
import { TASK_ORDER, taskLook } from '../theme/states';

/** So many rows are asked for while all are on their way. */
const FIRST_ROWS = 200;
/** What the server sorts jobs by; other columns are made up here, of several members. */
const SORTS: ReadonlySet<string> = new Set([
  'name',
  'user',
  'project',
  'shot',
  'sequence',
  'app',
  'queue',
  'priority',
  'frames',
  'submitted',
  'started',
  'finished',
  'job_id',
]);
const PRIORITIES = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

/** Which jobs: those that matter now, or all there ever were. */
function Scope(props: { isAll: boolean }) {
  const [, setWords] = useSearchParams();
  const go = (scope: string | undefined) => setWords({ scope });
  return (
    <span class="segmented" role="group" aria-label="Which jobs">
      <button type="button" aria-pressed={!props.isAll} onClick={() => go(undefined)}>
        Active
      </button>
      <button type="button" aria-pressed={props.isAll} onClick={() => go('all')}>
        All there ever were
      </button>
    </span>
  );
}

/** All active jobs at once; older ones page by page from the server. */
export function JobsPage() {
  const farm = useFarm();
  const [words] = useSearchParams<{ scope?: string }>();
  const list = useJobList(farm);
  createTitle(() => 'Jobs');
  const find = async (where: string, sort: string) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return [];
    const { jobs } = await findJobs(farmId, {
      where,
      sort,
      // By any column the server sorts the jobs alone that it keeps at hand.
      active: sort !== '',
      limit: FIRST_ROWS,
      after: null,
    });
    return jobs.filter(isListed);
  };
  const isAll = () => words.scope === 'all' || !list.complete();
  return (
    <Show
      when={!isAll()}
      fallback={<JobHistory aside={<Show when={list.complete()}>{<Scope isAll={true} />}</Show>} />}
    >
      <ListPage<JobRow>
        page="jobs"
        title="Jobs"
        noun="job"
        example="beauty user=ann state=failed"
        list={list}
        columns={jobColumns(farm.zone)}
        find={find}
        sorts={SORTS}
        narrow={NARROW_JOBS}
        usual={[{ key: 'submitted', descending: true }]}
        groups={{
          project: { label: 'Project', of: (row) => row.project },
          shot: { label: 'Shot', of: (row) => row.shot ?? '' },
          user: { label: 'User', of: (row) => row.user },
          state: { label: 'State', of: (row) => taskLook(row.status).word },
        }}
        stateOf={(row) => row.status}
        look={taskLook}
        states={TASK_ORDER}
        open={(row) => `/jobs/${row.job_id}`}
        deeds={(rows) => jobDeeds(rows.filter((row) => mayChange(farm, row)))}
        extra={(rows) => (
          <select
            aria-label="Priority"
            disabled={!rows().some((row) => mayChange(farm, row))}
            onChange={(event) => {
              const wanted = event.currentTarget.value;
              event.currentTarget.value = '';
              const farmId = farm.store.farm?.farm_id;
              if (wanted === '' || farmId === undefined) return;
              const own = rows().filter((row) => mayChange(farm, row));
              void perform(farmId, list.table, setPriority(own, Number(wanted)));
            }}
          >
            <option value="">Priority …</option>
            {PRIORITIES.map((priority) => (
              <option value={priority}>{priority}</option>
            ))}
          </select>
        )}
        aside={<Scope isAll={false} />}
        empty={
          <p>
            No jobs yet. Submit one: <code>grange submit --frames 1-24 -- COMMAND {'{start}'}</code>
          </p>
        }
      />
    </Show>
  );
}
