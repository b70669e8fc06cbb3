import { For, Show, createMemo, createResource } from 'solid-js';
import { getMySignIns } from '../api/people';
import { chooseFarm, useFarm } from '../state/farm';
import { Command } from './Command';
import { Panel } from './Panel';
import { Shape } from './Shape';

/** What is left to do until the first job renders; each step ticks by itself. */
export function FirstSteps() {
  const farm = useFarm();
  const [signIns] = createResource(() => getMySignIns().catch(() => []));
  const hasJob = () => farm.store.jobs.length > 0;
  const hasWorker = () => farm.store.workers.length > 0;
  const isDone = () => farm.store.jobs.some((job) => job.frames_done > 0);
  // A link is made by a client: whoever came by one has a client that works.
  const hasClient = () =>
    hasJob() || hasWorker() || (signIns() ?? []).some((one) => one.this && one.how === 'link');
  const url = window.location.origin;
  const steps = createMemo(() => [
    { name: 'The server runs', done: true, text: `It answers at ${url}.`, commands: [] },
    {
      name: 'A client talks to it',
      done: hasClient(),
      text: 'The data folder of the server holds the settings of its owner. In a terminal there:',
      commands: ['. ./client.env', 'grange farm ls'],
    },
    {
      name: 'A worker joins',
      done: hasWorker(),
      text: 'On each machine that shall render, with those settings:',
      commands: [`grange worker join ${url}`, 'grange worker run'],
    },
    {
      name: 'The first job',
      done: hasJob(),
      text: 'Any command; {start} is the number of the frame:',
      commands: ['grange submit --name hello --frames 1-12 -- echo frame {start}'],
    },
    {
      name: 'Its first task is done',
      done: isDone(),
      text: 'This page shows it as it happens.',
      commands: [],
    },
  ]);
  const next = () => steps().findIndex((step) => !step.done);
  const showroom = () => farm.store.farms.find((one) => one.simulated);
  return (
    <Show when={next() >= 0 && farm.store.farm?.simulated !== true}>
      <Panel
        title="First steps"
        aside={`${steps().filter((step) => step.done).length} of ${steps().length} done`}
      >
        <ol class="steps">
          <For each={steps()}>
            {(step, index) => (
              <li data-done={step.done} aria-current={index() === next() ? 'step' : undefined}>
                <span class="tick" data-tone={step.done ? 'done' : 'waiting'}>
                  <Shape name={step.done ? 'check' : 'ring'} />
                  <span class="visually-hidden">{step.done ? 'done' : 'to do'}</span>
                </span>
                <div>
                  <h3>{step.name}</h3>
                  <Show when={index() === next()}>
                    <p class="quiet">{step.text}</p>
                    <For each={step.commands}>{(text) => <Command text={text} />}</For>
                  </Show>
                </div>
              </li>
            )}
          </For>
        </ol>
        <Show
          when={showroom()}
          fallback={
            <p class="quiet">
              To look around a farm with a past first: <code>grange demo</code> makes one up.
            </p>
          }
        >
          {(found) => (
            <p>
              <button type="button" onClick={() => chooseFarm(found().farm_id)}>
                Look around {found().name}
              </button>{' '}
              <span class="quiet">a farm of 60 machines whose past two weeks were made up</span>
            </p>
          )}
        </Show>
      </Panel>
    </Show>
  );
}
