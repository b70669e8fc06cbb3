import { Show, type JSX } from 'solid-js';
import { Route, Router } from '@solidjs/router';
import { Shell } from './components/Shell';
import { Tooltip } from './components/Tooltip';
import { FarmPage } from './pages/FarmPage';
import { JobPage } from './pages/JobPage';
import { JobsPage } from './pages/JobsPage';
import { NotFound } from './pages/NotFound';
import { SignIn } from './pages/SignIn';
import { WorkersPage } from './pages/WorkersPage';
import { FarmProvider, createFarmState, useFarm } from './state/farm';

/** Waits for the farm before it shows a page, and says so when there is none. */
function Loaded(props: { children?: JSX.Element }) {
  const farm = useFarm();
  return (
    <Show
      when={farm.isLoaded()}
      fallback={
        <Show when={farm.failure()}>
          {(failure) => (
            <section class="notice" role="alert">
              <h1>The farm does not answer</h1>
              <p>{failure()}</p>
              <p class="quiet">This page tries again by itself.</p>
            </section>
          )}
        </Show>
      }
    >
      {props.children}
    </Show>
  );
}

function Root(props: { children?: JSX.Element }) {
  const farm = createFarmState();
  return (
    <FarmProvider value={farm}>
      <Show when={!farm.signedOut()} fallback={<SignIn />}>
        <Shell>
          <Loaded>{props.children}</Loaded>
        </Shell>
      </Show>
      <Tooltip />
    </FarmProvider>
  );
}

export function App() {
  return (
    <Router root={Root}>
      <Route path="/" component={FarmPage} />
      <Route path="/jobs" component={JobsPage} />
      <Route path="/jobs/:id" component={JobPage} />
      <Route path="/workers" component={WorkersPage} />
      <Route path="*" component={() => <NotFound />} />
    </Router>
  );
}
