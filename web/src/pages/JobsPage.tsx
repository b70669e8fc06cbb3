import { JobsTable } from '../components/JobsTable';
import { plural } from '../format/number';
import { useFarm } from '../state/farm';
import { createTitle } from '../state/title';

/** The newest jobs of the farm. */
export function JobsPage() {
  const farm = useFarm();
  createTitle(() => 'Jobs');
  return (
    <section class="panel" aria-labelledby="jobs-title">
      <header>
        <h1 id="jobs-title" class="page-title">
          Jobs
        </h1>
        <div class="aside">{plural(farm.store.jobs.length, 'job')}, the newest first</div>
      </header>
      <JobsTable jobs={farm.store.jobs} />
    </section>
  );
}
