import { ErrorBoundary, Show, lazy, type JSX } from 'solid-js';
import { Route, Router, useLocation } from '@solidjs/router';
import { KeysDialog } from './components/Keys';
import { Notices } from './components/Notices';
import { Shell } from './components/Shell';
import { Tooltip } from './components/Tooltip';
import { NotFound } from './pages/NotFound';
import { SignIn } from './pages/SignIn';
import { FarmProvider, createFarmState, useFarm } from './state/farm';

const HomePage = lazy(async () => ({ default: (await import('./pages/HomePage')).HomePage }));
const JobsPage = lazy(async () => ({ default: (await import('./pages/JobsPage')).JobsPage }));
const JobPage = lazy(async () => ({ default: (await import('./pages/JobPage')).JobPage }));
const WorkersPage = lazy(async () => ({
  default: (await import('./pages/WorkersPage')).WorkersPage,
}));
const ReportPage = lazy(async () => ({
  default: (await import('./pages/ReportPage')).ReportPage,
}));
const ReportsPage = lazy(async () => ({
  default: (await import('./pages/ReportsPage')).ReportsPage,
}));
const StreamsPage = lazy(async () => ({
  default: (await import('./pages/StreamsPage')).StreamsPage,
}));
const WranglePage = lazy(async () => ({
  default: (await import('./pages/WranglePage')).WranglePage,
}));
const WorkerPage = lazy(async () => ({
  default: (await import('./pages/WorkerPage')).WorkerPage,
}));
const AccountPage = lazy(() => import('./pages/AccountPage'));
const UsersPage = lazy(() => import('./pages/admin/UsersPage'));
const AuditPage = lazy(() => import('./pages/admin/AuditPage'));
const HooksPage = lazy(() => import('./pages/admin/HooksPage'));
const PowerPage = lazy(() => import('./pages/admin/PowerPage'));
const LicencesPage = lazy(() => import('./pages/admin/LicencesPage'));

const LogPage = lazy(async () => ({ default: (await import('./pages/LogPage')).LogPage }));
const WhyPage = lazy(async () => ({ default: (await import('./pages/WhyPage')).WhyPage }));

const LOG = /^\/jobs\/[^/]+\/tasks\/[^/]+\/log$/;

/** Pages that come in files of their own; the one of this address need not wait for the farm. */
const SEPARATE: [RegExp, { preload: () => Promise<unknown> }][] = [
  [/^\/$/, HomePage],
  [/^\/jobs$/, JobsPage],
  [/^\/jobs\/[^/]+$/, JobPage],
  [LOG, LogPage],
  [/^\/jobs\/[^/]+\/why$/, WhyPage],
  [/^\/workers$/, WorkersPage],
  [/^\/workers\/./, WorkerPage],
  [/^\/wrangle$/, WranglePage],
  [/^\/(usage|cost|reports\/.+)$/, ReportPage],
  [/^\/reports$/, ReportsPage],
  [/^\/streams$/, StreamsPage],
];
for (const [path, page] of SEPARATE) {
  if (path.test(location.pathname)) void page.preload();
}

/** Waits for the farm before it shows a page, and says so when there is none. */
function Loaded(props: { children?: JSX.Element }) {
  const farm = useFarm();
  const location = useLocation();
  /** A log is read on its own: of the farm it needs to know which it is. */
  const isKnown = () => LOG.test(location.pathname) && farm.store.farm !== null;
  return (
    <Show
      when={farm.isLoaded() || isKnown()}
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

/** A page never just stays blank. */
function Broken(props: { error: unknown }) {
  console.error(props.error);
  return (
    <section class="notice" role="alert">
      <h1>This page broke</h1>
      <p>
        Something in the application itself went wrong; the farm goes on. Load the page again, and
        tell whoever runs this server if it keeps happening.
      </p>
      <p class="mono">{String(props.error)}</p>
    </section>
  );
}

function Root(props: { children?: JSX.Element }) {
  const farm = createFarmState();
  return (
    <FarmProvider value={farm}>
      <Show when={!farm.signedOut()} fallback={<SignIn />}>
        <Shell>
          <ErrorBoundary fallback={(error) => <Broken error={error} />}>
            <Loaded>{props.children}</Loaded>
          </ErrorBoundary>
        </Shell>
      </Show>
      <Tooltip />
      <Notices />
      <KeysDialog />
    </FarmProvider>
  );
}

export function App() {
  return (
    <Router root={Root}>
      <Route path="/" component={HomePage} />
      <Route path="/jobs" component={JobsPage} />
      <Route path="/jobs/:id" component={JobPage} />
      <Route path="/jobs/:id/why" component={WhyPage} />
      <Route path="/jobs/:id/tasks/:task/log" component={LogPage} />
      <Route path="/workers" component={WorkersPage} />
      <Route path="/workers/:id" component={WorkerPage} />
      <Route path="/wrangle" component={WranglePage} />
      <Route path="/usage" component={() => <ReportPage report="usage" />} />
      <Route path="/cost" component={() => <ReportPage report="cost" />} />
      <Route path="/reports" component={ReportsPage} />
      <Route path="/reports/:name" component={() => <ReportPage />} />
      <Route path="/streams" component={StreamsPage} />
      <Route path="/account" component={AccountPage} />
      <Route path="/admin/users" component={UsersPage} />
      <Route path="/admin/audit" component={AuditPage} />
      <Route path="/admin/hooks" component={HooksPage} />
      <Route path="/admin/power" component={PowerPage} />
      <Route path="/admin/licences" component={LicencesPage} />
      <Route path="*" component={() => <NotFound />} />
    </Router>
  );
}
