import { For, createResource } from 'solid-js';
import { A } from '@solidjs/router';
import { getReports } from '../api/client';
import { useFarm } from '../state/farm';
import { createTitle } from '../state/title';

const MEANS: Record<string, string> = {
  usage: 'Sessions, run time and machine time.',
  cost: 'What work cost, what of it was wasted, what clients pay.',
  'frame-times': 'How long frames take: quantiles, not only the mean.',
  'frame-ecdf': 'Which share of the frames took at most so long.',
  'queue-wait': 'How long tasks wait: submitted, eligible, started.',
  memory: 'Peaks of memory against what was reserved.',
  cpu: 'How much of the processor time they had attempts used.',
  errors: 'What went wrong, the most wasted hours first.',
  hosts: 'Workers by frame times, normalised with their speed.',
};

/** Every report of the books. */
export function ReportsPage() {
  const farm = useFarm();
  const [kinds] = createResource(() => farm.store.farm?.farm_id, getReports);
  createTitle(() => 'Reports');
  const path = (name: string) =>
    name === 'usage' || name === 'cost' ? `/${name}` : `/reports/${name}`;
  return (
    <section class="panel" aria-labelledby="reports-title">
      <header>
        <h1 id="reports-title" class="page-title">
          Reports
        </h1>
      </header>
      <ul class="report-list">
        <For each={kinds() ?? []}>
          {(kind) => (
            <li>
              <A href={path(kind.name)}>{kind.title}</A>
              <span class="quiet">{MEANS[kind.name] ?? ''}</span>
            </li>
          )}
        </For>
      </ul>
    </section>
  );
}
