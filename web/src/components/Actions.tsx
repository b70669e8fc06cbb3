import { For, Show, createMemo, createSignal } from 'solid-js';
import { actOnJobs, orderWorkers, reasonOf } from '../api/client';
import type { Consequence, JobRow } from '../api/types';
import { useFarm } from '../state/farm';
import { mayChange, mayManage } from '../state/may';

/** One thing that can be done; asked for once to hear what it would do, then to do it. */
export interface Deed {
  /** Deeds of the same key do the same. */
  key: string;
  word: string;
  ask: (farm: string, apply: boolean) => Promise<Consequence>;
}

/** Buttons that say what they would do before they do it. */
export function Deeds(props: { label: string; deeds: Deed[] }) {
  const farm = useFarm();
  const [chosen, setChosen] = createSignal<Deed | null>(null);
  const [told, setTold] = createSignal<Consequence | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [isBusy, setBusy] = createSignal(false);
  let dialog: HTMLDialogElement | undefined;
  // A button that stays is the same one: what is told while it is pressed must not replace it.
  const deeds = createMemo<Deed[]>(
    (before) => props.deeds.map((deed) => before.find((one) => one.key === deed.key) ?? deed),
    [],
  );

  const ask = async (deed: Deed, apply: boolean) => {
    const farmId = farm.store.farm?.farm_id;
    if (farmId === undefined) return;
    setChosen(deed);
    setBusy(true);
    setProblem(null);
    try {
      const found = await deed.ask(farmId, apply);
      const refused = Object.values(found.refused)[0];
      if (apply && refused === undefined) {
        dialog?.close();
        return;
      }
      setTold(found);
      if (refused !== undefined) setProblem(refused);
    } catch (error) {
      setTold(null);
      setProblem(reasonOf(error));
    } finally {
      setBusy(false);
    }
    if (dialog?.open === false) dialog.showModal();
  };

  return (
    <>
      <div class="deeds" role="group" aria-label={props.label}>
        <For each={deeds()}>
          {(deed) => (
            <button type="button" disabled={isBusy()} onClick={() => void ask(deed, false)}>
              {deed.word}
            </button>
          )}
        </For>
      </div>
      <dialog class="consequence" aria-label={chosen()?.word ?? props.label} ref={dialog}>
        <h2>{chosen()?.word}</h2>
        <Show when={told()}>{(found) => <p>{found().text}</p>}</Show>
        <Show when={problem()}>
          {(text) => (
            <p class="problem" role="alert">
              {text()}
            </p>
          )}
        </Show>
        <div class="deeds">
          <button
            type="button"
            class="strong"
            disabled={isBusy() || told() === null || told()!.nothing}
            onClick={() => void ask(chosen()!, true)}
          >
            {chosen()?.word}
          </button>
          <button type="button" onClick={() => dialog?.close()}>
            Leave it
          </button>
        </div>
      </dialog>
    </>
  );
}

/** What can be done to a job in its present state. */
export function JobActions(props: { row: JobRow }) {
  const farm = useFarm();
  const deed = (action: string, word: string, priority?: number): Deed => ({
    key: `${word} ${priority ?? ''}`,
    word,
    ask: (farm, apply) =>
      actOnJobs(farm, {
        action,
        select: { jobs: [props.row.job_id] },
        apply,
        ...(priority === undefined ? {} : { priority }),
      }),
  });
  const deeds = () => {
    const { counts, ended_at: ended, priority } = props.row;
    const some = (status: keyof typeof counts) => (counts[status] ?? 0) > 0;
    return [
      ...(ended === null
        ? [deed('pause', 'Pause'), ...(some('RUNNING') ? [deed('stop', 'Stop now')] : [])]
        : []),
      ...(some('SUSPENDED') ? [deed('resume', 'Resume')] : []),
      ...(some('FAILED') || some('CANCELED') ? [deed('requeue', 'Try again')] : []),
      ...(ended === null && priority < 100
        ? [deed('priority', 'Raise priority', Math.min(100, priority + 10))]
        : []),
      ...(ended === null ? [deed('cancel', 'Cancel job')] : []),
    ];
  };
  return (
    <Show
      when={mayChange(farm, props.row)}
      fallback={
        <p class="quiet may-not">
          You may look at this job. To change it one needs level MANAGER, or CONTRIBUTOR and to have
          submitted it.
        </p>
      }
    >
      <Show when={props.row.status === 'FAILED' && (props.row.counts.SUSPENDED ?? 0) > 0}>
        <p class="quiet may-not">
          Some of its tasks are held back. Try again renders what failed; Resume lets the others go
          on.
        </p>
      </Show>
      <Show when={deeds().length > 0}>
        <Deeds label={`Actions on ${props.row.name}`} deeds={deeds()} />
      </Show>
    </Show>
  );
}

/** What can be told to a worker. "After the task" and "now" are two buttons. */
export function WorkerOrders(props: { workerId: string; name: string; isDisabled: boolean }) {
  const farm = useFarm();
  const deed = (order: string, word: string): Deed => ({
    key: order,
    word,
    ask: (farm, apply) => orderWorkers(farm, { order, workers: [props.workerId], apply }),
  });
  const deeds = () =>
    props.isDisabled
      ? [deed('enable', 'Enable')]
      : [deed('disable', 'Disable after the task'), deed('stop', 'Stop now')];
  return (
    <Show when={mayManage(farm)}>
      <Deeds label={`Orders to ${props.name}`} deeds={deeds()} />
    </Show>
  );
}
