import { For, Match, Show, Switch, type JSX } from 'solid-js';
import { A, useLocation } from '@solidjs/router';
import { clock, duration } from '../format/time';
import { now } from '../state/clock';
import { chooseFarm, useFarm } from '../state/farm';
import { isOwner } from '../state/may';
import { nextTheme, theme } from '../state/theme';
import { Shape } from './Shape';

function LinkBadge() {
  const farm = useFarm();
  const age = () => now() - (farm.staleSince() ?? now());
  return (
    <span
      class="link-badge"
      role="status"
      data-link={farm.link()}
      data-tone={farm.link() === 'live' ? 'done' : farm.link() === 'stale' ? 'held' : 'waiting'}
    >
      <Switch>
        <Match when={farm.link() === 'live'}>
          <Shape name="check" />
          live
        </Match>
        <Match when={farm.link() === 'stale'}>
          <Shape name="pause" />
          stale
          <Show when={farm.staleSince() !== null}>
            {' '}
            {duration(Math.floor(age() / 1000) * 1000)}
          </Show>
        </Match>
        <Match when={true}>
          <Shape name="half" />
          connecting
        </Match>
      </Switch>
    </span>
  );
}

function ThemeButton() {
  const words = { system: 'as the system', light: 'light', dark: 'dark' };
  const label = () => `Theme: ${words[theme()]}. Change it`;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label()}
      data-tip={`Theme: ${words[theme()]}`}
      onClick={nextTheme}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <Switch>
          <Match when={theme() === 'light'}>
            <circle cx="8" cy="8" r="3" fill="currentColor" />
            <path
              d="M8 1v2m0 10v2M1 8h2m10 0h2M3 3l1.5 1.5m7 7L13 13M3 13l1.5-1.5m7-7L13 3"
              stroke="currentColor"
              stroke-width="1.4"
            />
          </Match>
          <Match when={theme() === 'dark'}>
            <path d="M13.5 10A6 6 0 0 1 6 2.5a6 6 0 1 0 7.5 7.5z" fill="currentColor" />
          </Match>
          <Match when={true}>
            <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" stroke-width="1.4" />
            <path d="M8 2.5a5.5 5.5 0 0 1 0 11z" fill="currentColor" />
          </Match>
        </Switch>
      </svg>
    </button>
  );
}

/** The farm's name; where there are more farms, a choice of them. */
function FarmName() {
  const farm = useFarm();
  return (
    <Show
      when={farm.store.farms.length > 1}
      fallback={<span class="farm-name ellipsis">{farm.store.farm?.name}</span>}
    >
      <select
        class="farm-name"
        aria-label="Farm"
        onChange={(event) => chooseFarm(event.currentTarget.value)}
      >
        <For each={farm.store.farms}>
          {(row) => (
            <option value={row.farm_id} selected={row.farm_id === farm.store.farm?.farm_id}>
              {row.name}
            </option>
          )}
        </For>
      </select>
    </Show>
  );
}

const PAGES: [string, string][] = [
  ['/jobs', 'Jobs'],
  ['/workers', 'Workers'],
  ['/wrangle', 'Wrangle'],
  ['/usage', 'Usage'],
  ['/cost', 'Cost'],
  ['/streams', 'Streams'],
  ['/reports', 'Reports'],
];

/** What they show is of the server, and did happen. */
const REAL = new Set(['/account', '/admin/users', '/admin/audit']);

/** The bar every page has, with the page below it. */
export function Shell(props: { children?: JSX.Element }) {
  const farm = useFarm();
  const location = useLocation();
  const isMadeUp = () => farm.store.farm?.simulated === true && !REAL.has(location.pathname);
  const within = (path: string) =>
    location.pathname === path || location.pathname.startsWith(`${path}/`) ? 'page' : undefined;
  return (
    <>
      <header class="topbar">
        <A href="/" class="brand">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M16 2 30 12v18H2V12z" />
            <path d="M8 25v-7h4v7zm6 0V13h4v12zm6 0v-9h4v9z" />
          </svg>
          Grange
        </A>
        <nav aria-label="Pages">
          <A href="/" aria-current={location.pathname === '/' ? 'page' : undefined}>
            Home
          </A>
          <For each={PAGES}>
            {([path, word]) => (
              <A href={path} aria-current={within(path)}>
                {word}
              </A>
            )}
          </For>
          <Show when={isOwner(farm)}>
            <A href="/admin/users" aria-current={within('/admin')}>
              Admin
            </A>
          </Show>
        </nav>
        <div class="end">
          <FarmName />
          <LinkBadge />
          <span class="quiet clock" data-tip={`Time of the farm, ${farm.zone()}`}>
            {clock(now(), farm.zone())}
          </span>
          <A href="/account" class="user-name quiet">
            {farm.store.me?.name}
            <span class="visually-hidden">, your account</span>
          </A>
          <ThemeButton />
        </div>
      </header>
      <Show when={isMadeUp()}>
        <p class="simulated" role="note">
          <strong>SIMULATED</strong> Nothing on this page ever happened: the past of this farm was
          made up.
        </p>
      </Show>
      <main classList={{ 'simulated-figures': isMadeUp() }}>{props.children}</main>
    </>
  );
}
