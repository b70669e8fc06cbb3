import { For, Show, createEffect, createResource, createSignal, on, onCleanup } from 'solid-js';
import { A } from '@solidjs/router';
import { reasonOf } from '../api/client';
import { getUsers } from '../api/people';
import {
  actOnInbox,
  getCluster,
  getInbox,
  undoDeed,
  type Cluster,
  type Inbox,
  type InboxAsk,
  type Named,
} from '../api/wrangle';
import { Shape } from '../components/Shape';
import { count, plural } from '../format/number';
import { ago, duration, full, minute } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { mayManage } from '../state/may';
import { answerOf } from '../state/resource';
import { throttle } from '../state/throttle';
import { createTitle } from '../state/title';
import { useWords } from '../state/words';
import type { ShapeName, Tone } from '../theme/states';
import '../styles/wrangle.css';

const TROUBLES: Record<string, { word: string; tone: Tone; shape: ShapeName }> = {
  disk: { word: 'disk full', tone: 'failed', shape: 'square' },
  worker: { word: 'worker fails', tone: 'failed', shape: 'cross' },
  failing: { word: 'work fails', tone: 'failed', shape: 'slash' },
  silent: { word: 'silent', tone: 'unsure', shape: 'question' },
  stuck: { word: 'stuck', tone: 'held', shape: 'half' },
  licence: { word: 'no licence', tone: 'held', shape: 'pause' },
  waiting: { word: 'waits', tone: 'waiting', shape: 'dots' },
};

const FIXES: Record<string, { word: string; means: string }> = {
  quarantine: { word: 'Quarantine', means: 'workers finish their tasks and take no other' },
  enable: { word: 'Enable', means: 'workers take work again' },
  exclude: { word: 'Exclude from the job', means: 'workers get nothing more of the jobs' },
  requeue: { word: 'Requeue', means: 'tasks run again' },
  resume: { word: 'Resume', means: 'jobs that were put aside go on' },
};

const SNOOZES = [
  { word: '1 h', hours: 1 },
  { word: '8 h', hours: 8 },
  { word: '3 days', hours: 72 },
];

const REFRESH_MS = 5_000;

function Names(props: { label: string; named: Named[]; path: string }) {
  return (
    <Show when={props.named.length > 0}>
      <dt>{props.label}</dt>
      <dd>
        <For each={props.named.slice(0, 8)}>
          {(one, at) => (
            <>
              {at() > 0 ? ', ' : ''}
              <A href={`${props.path}/${one.id}`}>{one.name}</A>
              <Show when={one.count > 1}> × {one.count}</Show>
            </>
          )}
        </For>
        <Show when={props.named.length > 8}> and {props.named.length - 8} more</Show>
      </dd>
    </Show>
  );
}

function ClusterCard(props: {
  cluster: Cluster;
  isChosen: boolean;
  onChoose: (on: boolean) => void;
  onAsk: (asked: Omit<InboxAsk, 'apply' | 'clusters'>) => void;
  onUndo: (deed: string) => void;
  users: string[];
}) {
  const farm = useFarm();
  const [isOpen, setOpen] = createSignal(false);
  const [detail] = createResource(
    () => (isOpen() ? [farm.store.farm?.farm_id, props.cluster.cluster_id] : null),
    ([farmId, id]) => (farmId === undefined ? undefined : getCluster(farmId, id!)),
  );
  const look = () => TROUBLES[props.cluster.trouble] ?? TROUBLES['waiting']!;
  const examples = () => answerOf(detail)?.examples ?? props.cluster.examples;
  return (
    <li class="trouble" data-state={props.cluster.state} data-trouble={props.cluster.trouble}>
      <div class="head">
        <input
          type="checkbox"
          aria-label={`Choose ${props.cluster.title}`}
          checked={props.isChosen}
          onChange={(event) => props.onChoose(event.currentTarget.checked)}
        />
        <span class="chip" data-tone={look().tone}>
          <Shape name={look().shape} />
          {look().word}
        </span>
        <h3>{props.cluster.title}</h3>
        <Show when={props.cluster.assignee}>
          {(who) => <span class="quiet">looked after by {who()}</span>}
        </Show>
      </div>
      <p class="mono signature">{props.cluster.signature}</p>
      <dl class="figures">
        <div>
          <dt>Count</dt>
          <dd>{count(props.cluster.count)}</dd>
        </div>
        <div>
          <dt>Lost</dt>
          <dd>{props.cluster.lost_ms > 0 ? duration(props.cluster.lost_ms) : '–'}</dd>
        </div>
        <div>
          <dt>First</dt>
          <dd data-tip={full(props.cluster.first_at, farm.zone())}>
            {ago(props.cluster.first_at, now())}
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd data-tip={full(props.cluster.last_at, farm.zone())}>
            {ago(props.cluster.last_at, now())}
          </dd>
        </div>
      </dl>
      <dl class="whom">
        <Names label="Jobs" named={props.cluster.jobs} path="/jobs" />
        <Names label="Workers" named={props.cluster.workers} path="/workers" />
      </dl>
      <Show when={props.cluster.deed && props.cluster.state !== 'open'}>
        <p class="deed">
          <Shape name="check" /> {props.cluster.deed}{' '}
          <Show when={mayManage(farm)}>
            <button type="button" onClick={() => props.onUndo(props.cluster.deed_id!)}>
              Undo
            </button>
          </Show>
        </p>
      </Show>
      <Show when={props.cluster.state === 'snoozed'}>
        <p class="quiet">Snoozed until {full(props.cluster.snoozed_until_at, farm.zone())}</p>
      </Show>
      <Show when={mayManage(farm)}>
        <div class="deeds" role="group" aria-label={`What to do about ${props.cluster.title}`}>
          <For each={props.cluster.fixes}>
            {(fix) => (
              <button
                type="button"
                data-tip={FIXES[fix]?.means}
                onClick={() => props.onAsk({ fix })}
              >
                {FIXES[fix]?.word ?? fix}
              </button>
            )}
          </For>
          <For each={SNOOZES}>
            {(snooze) => (
              <button
                type="button"
                class="plain"
                onClick={() =>
                  props.onAsk({ fix: 'snooze', until_at: now() + snooze.hours * 3_600_000 })
                }
              >
                Snooze {snooze.word}
              </button>
            )}
          </For>
          <label class="assign">
            <span class="quiet">For</span>
            <select
              aria-label={`Who looks after ${props.cluster.title}`}
              onChange={(event) =>
                props.onAsk({ fix: 'assign', assignee: event.currentTarget.value || null })
              }
            >
              <option value="" selected={props.cluster.assignee === null}>
                nobody
              </option>
              <For each={props.users}>
                {(name) => (
                  <option value={name} selected={name === props.cluster.assignee}>
                    {name}
                  </option>
                )}
              </For>
            </select>
          </label>
        </div>
      </Show>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          {plural(Math.min(props.cluster.count, props.cluster.examples.length), 'example')}
        </summary>
        <ol class="examples">
          <For each={examples()}>
            {(one) => (
              <li>
                <span class="quiet" data-tip={full(one.at, farm.zone())}>
                  {minute(one.at, farm.zone())}
                </span>{' '}
                <Show when={one.page} fallback={<span>{one.worker ?? 'the server'}</span>}>
                  {(page) => (
                    <a href={page()}>
                      {[one.job, one.worker].filter(Boolean).join(' on ')}
                      {one.line === null ? '' : `, line ${one.line}`}
                    </a>
                  )}
                </Show>
                <pre>{one.text}</pre>
              </li>
            )}
          </For>
        </ol>
      </details>
    </li>
  );
}

/** What needs a person: clusters of trouble, bulk fixes that say what they do, undo. */
export function WranglePage() {
  const farm = useFarm();
  const { word, address } = useWords();
  createTitle(() => 'Wrangle');
  const [inbox, setInbox] = createSignal<Inbox | null>(null);
  const [users] = createResource(() => getUsers().catch(() => []));
  const [chosen, setChosen] = createSignal<ReadonlySet<string>>(new Set<string>());
  const [asked, setAsked] = createSignal<InboxAsk | null>(null);
  const [told, setTold] = createSignal<string[]>([]);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [said, setSaid] = createSignal<string | null>(null);
  let dialog: HTMLDialogElement | undefined;

  let asks = 0;
  let shown = 0;
  const read = async () => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    const mine = (asks += 1);
    try {
      const found = await getInbox(farmId);
      if (mine < shown) return; // a later one was answered first
      shown = mine;
      setInbox(found);
      setProblem(null);
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  const soon = throttle(() => void read(), 2_000);
  createEffect(
    on(
      () => farm.store.farm?.farm_id,
      () => void read(),
    ),
  );
  farm.listen((event) => event.kind !== 'frames' && soon());
  farm.onRefresh(() => void read());
  const timer = setInterval(() => !document.hidden && void read(), REFRESH_MS);
  onCleanup(() => clearInterval(timer));

  const shows = () => (word('show') === 'all' ? 'all' : 'open');
  const clusters = () =>
    (inbox()?.clusters ?? []).filter((one) => shows() === 'all' || one.state === 'open');
  const picked = () => clusters().filter((one) => chosen().has(one.cluster_id));
  const shared = () =>
    Object.keys(FIXES).filter(
      (fix) => picked().length > 0 && picked().every((one) => one.fixes.includes(fix)),
    );

  const act = async (ask: InboxAsk) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    setProblem(null);
    try {
      const found = await actOnInbox(farmId, ask);
      const refused = found.clusters.find((one) => one.refused !== null);
      if (ask.apply) {
        setSaid(refused === undefined ? `Done: ${found.text}` : null);
        setProblem(refused === undefined ? null : refused.refused);
        if (refused === undefined) {
          dialog?.close();
          setChosen(new Set<string>());
        }
        await read();
        return;
      }
      setAsked(ask);
      setTold([...new Set(found.clusters.map((one) => one.text))]);
      if (dialog?.open === false) dialog.showModal();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  const ask = (ids: string[], rest: Omit<InboxAsk, 'apply' | 'clusters'>) =>
    // Nothing is lost by a snooze or an assignment, and each can be undone: no question first.
    void act({ ...rest, clusters: ids, apply: rest.fix === 'snooze' || rest.fix === 'assign' });
  const undo = async (deed: string) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    try {
      setSaid((await undoDeed(farmId, deed)).text);
      setProblem(null);
    } catch (error) {
      setProblem(reasonOf(error));
    }
    await read();
  };

  return (
    <section class="panel wrangle" aria-labelledby="wrangle-title">
      <header>
        <h1 id="wrangle-title" class="page-title">
          Wrangle
        </h1>
        <nav class="segmented aside" aria-label="What is shown">
          <a href={address({ show: '' })} aria-current={shows() === 'open' ? 'true' : undefined}>
            Open{inbox() === null ? '' : ` ${inbox()!.open}`}
          </a>
          <a href={address({ show: 'all' })} aria-current={shows() === 'all' ? 'true' : undefined}>
            All{inbox() === null ? '' : ` ${inbox()!.clusters.length}`}
          </a>
        </nav>
      </header>
      <Show when={problem()}>
        {(text) => (
          <p class="problem pad" role="alert">
            {text()}
          </p>
        )}
      </Show>
      <p class="said" role="status">
        {said() ?? ''}
      </p>
      <Show when={inbox()} fallback={<p class="empty pad">Looking for trouble …</p>}>
        {(found) => (
          <>
            <Show when={found().open === 0}>
              <p class="clear pad">
                <Shape name="check" /> All clear since{' '}
                {minute(found().clear_since_at ?? 0, farm.zone())}
                <span class="quiet">
                  {' '}
                  {found().snoozed + found().handled > 0
                    ? `· ${found().snoozed} snoozed, ${found().handled} handled`
                    : '· nothing is stuck, silent, failing, full or without a licence'}
                </span>
              </p>
            </Show>
            <Show when={found().open > 0}>
              <p class="pad summary">
                <b>{plural(found().open, 'cluster')}</b> need{found().open === 1 ? 's' : ''} a
                person
                <Show when={found().lost_ms > 0}>; {duration(found().lost_ms)} lost so far</Show>.
              </p>
            </Show>
            <Show when={picked().length > 1 && mayManage(farm)}>
              <div class="bulk pad deeds" role="group" aria-label="What to do about all chosen">
                <b>{plural(picked().length, 'cluster')} chosen</b>
                <For each={shared()}>
                  {(fix) => (
                    <button
                      type="button"
                      onClick={() =>
                        ask(
                          picked().map((one) => one.cluster_id),
                          { fix },
                        )
                      }
                    >
                      {FIXES[fix]!.word}
                    </button>
                  )}
                </For>
                <button
                  type="button"
                  onClick={() =>
                    ask(
                      picked().map((one) => one.cluster_id),
                      { fix: 'snooze', until_at: now() + 8 * 3_600_000 },
                    )
                  }
                >
                  Snooze for 8 h
                </button>
              </div>
            </Show>
            <ul class="troubles">
              <For each={clusters().map((one) => one.cluster_id)}>
                {(id) => (
                  <Show when={clusters().find((one) => one.cluster_id === id)}>
                    {(cluster) => (
                      <ClusterCard
                        cluster={cluster()}
                        users={(users() ?? [])
                          .filter((user) => user.role !== 'worker')
                          .map((user) => user.name)}
                        isChosen={chosen().has(id)}
                        onChoose={(on) => {
                          const next = new Set(chosen());
                          if (on) next.add(id);
                          else next.delete(id);
                          setChosen(next);
                        }}
                        onAsk={(rest) => ask([id], rest)}
                        onUndo={(deed) => void undo(deed)}
                      />
                    )}
                  </Show>
                )}
              </For>
            </ul>
            <Show when={found().deeds.length > 0}>
              <h2 class="pad">Done in the last day</h2>
              <ul class="done">
                <For each={found().deeds.map((one) => one.deed_id)}>
                  {(id) => (
                    <Show when={found().deeds.find((one) => one.deed_id === id)}>
                      {(deed) => (
                        <li>
                          <span class="quiet" data-tip={full(deed().at, farm.zone())}>
                            {ago(deed().at, now())}
                          </span>{' '}
                          {deed().by}: {deed().text} <span class="quiet">({deed().title})</span>{' '}
                          <button
                            type="button"
                            aria-label={`Undo: ${deed().text}`}
                            onClick={() => void undo(id)}
                          >
                            Undo
                          </button>
                        </li>
                      )}
                    </Show>
                  )}
                </For>
              </ul>
            </Show>
          </>
        )}
      </Show>
      <dialog class="consequence" aria-label="What it would do" ref={dialog}>
        <h2>{FIXES[asked()?.fix ?? '']?.word ?? asked()?.fix}</h2>
        <For each={told()}>{(text) => <p>{text}</p>}</For>
        <div class="deeds">
          <button
            type="button"
            class="strong"
            onClick={() => void act({ ...asked()!, apply: true })}
          >
            {FIXES[asked()?.fix ?? '']?.word ?? 'Do it'}
          </button>
          <button type="button" onClick={() => dialog?.close()}>
            Leave it
          </button>
        </div>
      </dialog>
    </section>
  );
}
