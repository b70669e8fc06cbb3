import { For, Show, createSignal } from 'solid-js';
import { reasonOf } from '../api/client';
import { keepFile, statementUrl } from '../api/costs';

const READ_IN_PLACE = new Set(['html', 'pdf']);
const LINED = ['csv', 'xlsx'];

/** A statement as files: those to be read open beside the page, the others are made and kept. */
export function StatementFiles(props: { farm: string; month: string; kinds: string[] }) {
  const [making, setMaking] = createSignal<string | null>(null);
  const [problem, setProblem] = createSignal<string | null>(null);
  const keep = async (event: MouseEvent, address: string, what: string) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (making() !== null) return;
    setMaking(what);
    setProblem(null);
    try {
      await keepFile(address);
    } catch (error) {
      setProblem(reasonOf(error));
    } finally {
      setMaking(null);
    }
  };
  const Kept = (one: { kind: string; lines: boolean }) => {
    const address = () => statementUrl(props.farm, props.month, one.kind, one.lines);
    const word = () => one.kind.toUpperCase();
    return (
      <a
        href={address()}
        download=""
        onClick={(event) =>
          void keep(event, address(), one.lines ? `every line as ${word()}` : word())
        }
      >
        {word()}
      </a>
    );
  };
  return (
    <div class="statement-files">
      <p class="files">
        <span class="quiet">Statement:</span>
        <For each={props.kinds}>
          {(kind) => (
            <Show when={READ_IN_PLACE.has(kind)} fallback={<Kept kind={kind} lines={false} />}>
              <a href={statementUrl(props.farm, props.month, kind)} target="_blank" rel="noopener">
                {kind.toUpperCase()}
              </a>
            </Show>
          )}
        </For>
      </p>
      <p class="files">
        <span class="quiet">Every line, down to its attempt:</span>
        <For each={LINED}>{(kind) => <Kept kind={kind} lines />}</For>
      </p>
      <p class="quiet making" role="status">
        <Show when={making()}>{(what) => <>Making {what()} … it is kept when it is done.</>}</Show>
      </p>
      <Show when={problem()}>
        {(why) => (
          <p class="problem" role="alert">
            {why()}
          </p>
        )}
      </Show>
    </div>
  );
}
