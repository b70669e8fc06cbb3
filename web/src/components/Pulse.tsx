import { For, createMemo } from 'solid-js';
import { A } from '@solidjs/router';
import type { JobRow } from '../api/types';
import { getJobNumbers } from '../api/client';
import { createCounted } from '../state/counted';
import { useFarm } from '../state/farm';
import { isListed } from '../state/lists';

const list = (page: string, where: string) => `/${page}?where=${encodeURIComponent(where)}`;
const isOpen = (job: JobRow) => job.ended_at === null;
const isRunning = (job: JobRow) => isOpen(job) && job.tasks_running > 0;

const counted = (count: number, noun: string, state: string) => ({
  text: String(count),
  word: `${count === 1 ? noun : `${noun}s`} ${state}`,
});

/** The farm in one line of figures: threads, workers, jobs. */
export function Pulse() {
  const farm = useFarm();
  const numbers = createCounted(getJobNumbers);
  const figures = createMemo(() => {
    const workers = farm.store.workers;
    const jobs = farm.store.jobs;
    const threads = workers.flatMap((worker) => worker.threads);
    const busy = threads.filter((thread) => thread.session_id !== null).length;
    const of = (status: string) => workers.filter((worker) => worker.status === status).length;
    // The overview has the newest jobs; of a farm of more, the server counts.
    const { rendering, waiting, failed } = numbers() ?? {
      rendering: jobs.filter(isRunning).length,
      waiting: jobs.filter((job) => isOpen(job) && !isRunning(job)).length,
      failed: jobs.filter((job) => job.status === 'FAILED' && isListed(job)).length,
    };
    return [
      {
        word: 'job threads busy',
        text: `${busy} of ${threads.length}`,
        href: '/workers',
        bad: false,
      },
      { ...counted(of('idle'), 'worker', 'idle'), href: list('workers', 'state=idle'), bad: false },
      {
        ...counted(of('unknown'), 'worker', 'not heard from'),
        href: list('workers', 'state=unknown'),
        bad: true,
      },
      {
        ...counted(rendering, 'job', 'rendering'),
        href: list('jobs', 'finished=none running>0'),
        bad: false,
      },
      {
        ...counted(waiting, 'job', 'waiting'),
        href: list('jobs', 'finished=none running=0'),
        bad: false,
      },
      {
        ...counted(failed, 'job', 'failed in 24 h'),
        href: list('jobs', 'state=failed'),
        bad: true,
      },
    ];
  });
  return (
    <ul class="pulse" aria-label="The farm now">
      <For each={figures()}>
        {(figure) => (
          <li data-tone={figure.bad && figure.text !== '0' ? 'failed' : undefined}>
            <A href={figure.href}>
              <strong>{figure.text}</strong> {figure.word}
            </A>
          </li>
        )}
      </For>
    </ul>
  );
}
