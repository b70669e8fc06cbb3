import { For, Match, Show, Switch, createMemo, createSignal } from 'solid-js';
import { A } from '@solidjs/router';
import { reasonOf } from '../api/client';
import { HOMES, setHome, type Home } from '../api/people';
import { FirstSteps } from '../components/FirstSteps';
import { JobsTable } from '../components/JobsTable';
import { FarmTroubles, MyTroubles } from '../components/NeedsYou';
import { Panel } from '../components/Panel';
import { Pulse } from '../components/Pulse';
import { WorkerList } from '../components/Workers';
import { plural } from '../format/number';
import { useFarm } from '../state/farm';
import { createOwnJobs } from '../state/ownJobs';
import { createTitle } from '../state/title';
import { FarmPage } from './FarmPage';
import { ReportPage } from './ReportPage';

const WORDS: Record<Home, string> = {
  artist: 'my jobs',
  wrangler: 'what needs a wrangler',
  admin: 'the whole farm',
  finance: 'what it cost',
};

/** Chosen in this tab; the server keeps it for the next one. */
const [chosen, setChosen] = createSignal<Home | null>(null);

function HomeChoice(props: { home: Home }) {
  const [failure, setFailure] = createSignal('');
  const choose = (home: Home) => {
    const before = chosen();
    setChosen(home);
    setFailure('');
    setHome(home).catch((error: unknown) => {
      setChosen(before);
      setFailure(reasonOf(error));
    });
  };
  return (
    <label class="home-choice quiet">
      This page shows{' '}
      <select onChange={(event) => choose(event.currentTarget.value as Home)}>
        <For each={HOMES}>
          {(home) => (
            <option value={home} selected={home === props.home}>
              {WORDS[home]}
            </option>
          )}
        </For>
      </select>
      <Show when={failure()}>
        <span role="alert" class="wrong">
          {failure()}
        </span>
      </Show>
    </label>
  );
}

function ArtistHome() {
  const mine = createOwnJobs();
  createTitle(() => 'My jobs');
  return (
    <>
      <MyTroubles jobs={mine()} />
      <FirstSteps />
      <Panel title="My jobs" flush aside={<A href="/jobs">All jobs</A>}>
        <JobsTable jobs={mine().slice(0, 20)} />
      </Panel>
    </>
  );
}

function WranglerHome() {
  const farm = useFarm();
  createTitle(() => 'Farm');
  const lost = createMemo(() =>
    farm.store.jobs.filter((job) => job.status === 'FAILED' || (job.counts.FAILED ?? 0) > 0),
  );
  return (
    <>
      <FarmTroubles />
      <FirstSteps />
      <Show when={lost().length > 0}>
        <Panel title="Jobs with failed tasks" flush aside={plural(lost().length, 'job')}>
          <JobsTable jobs={lost().slice(0, 20)} />
        </Panel>
      </Show>
      <Panel title="Workers" flush aside={<A href="/workers">All workers</A>}>
        <div class="wall">
          <WorkerList linked most={24} />
        </div>
      </Panel>
    </>
  );
}

function AdminHome() {
  const farm = useFarm();
  createTitle(() => 'Farm');
  return (
    <>
      <FarmTroubles onlyIfAny />
      <FirstSteps />
      <Show when={farm.store.jobs.length + farm.store.workers.length > 0}>
        <FarmPage />
      </Show>
    </>
  );
}

/** `/`: what fits who is signed in; they may choose another. */
export function HomePage() {
  const farm = useFarm();
  const home = () => chosen() ?? farm.store.me?.home ?? 'artist';
  return (
    <>
      <div class="home-head">
        <Pulse />
        <HomeChoice home={home()} />
      </div>
      <Show when={home() !== 'admin' && home() !== 'finance'}>
        <h1 class="visually-hidden">Home of {farm.store.me?.name}</h1>
      </Show>
      <Switch fallback={<ArtistHome />}>
        <Match when={home() === 'wrangler'}>
          <WranglerHome />
        </Match>
        <Match when={home() === 'admin'}>
          <AdminHome />
        </Match>
        <Match when={home() === 'finance'}>
          <ReportPage report="cost" />
        </Match>
      </Switch>
    </>
  );
}
