import { For, createMemo } from 'solid-js';
import type { Counts } from '../api/types';
import { count, percent, plural } from '../format/number';
import { TASK_ORDER, taskLook, type StateLook } from '../theme/states';
import { Shape } from './Shape';

interface Part {
  look: StateLook;
  tasks: number;
}

/** Tasks by status: statuses that look alike are one part. */
function parts(counts: Counts): Part[] {
  const known = new Set<string>(TASK_ORDER);
  const others = Object.keys(counts).filter((status) => !known.has(status));
  const found = new Map<string, Part>();
  for (const status of [...TASK_ORDER, ...others]) {
    const tasks = counts[status as keyof Counts] ?? 0;
    if (tasks === 0) continue;
    const look = taskLook(status);
    const part = found.get(look.word);
    if (part === undefined) found.set(look.word, { look, tasks });
    else part.tasks += tasks;
  }
  return [...found.values()];
}

/** A stacked bar of a job's or layer's tasks, with the numbers below unless `bare`. */
export function ProgressBar(props: { counts: Counts; bare?: boolean }) {
  const all = createMemo(() => parts(props.counts));
  const total = () => all().reduce((sum, part) => sum + part.tasks, 0);
  const spoken = () => all().map((part) => `${count(part.tasks)} ${part.look.word}`);
  return (
    <div class="progress" classList={{ bare: props.bare ?? false }}>
      <div class="bar" role="img" aria-label={`Tasks: ${spoken().join(', ')}`}>
        <For each={all()}>
          {(part) => (
            <span
              class="part"
              data-tone={part.look.tone}
              data-shape={part.look.shape}
              data-tip={`${plural(part.tasks, 'task')} ${part.look.word}, ${percent(part.tasks / total())}`}
              style={{ 'flex-grow': part.tasks }}
            />
          )}
        </For>
      </div>
      {!props.bare && (
        <ul class="legend">
          <For each={all()}>
            {(part) => (
              <li data-tone={part.look.tone}>
                <Shape name={part.look.shape} />
                <b>{count(part.tasks)}</b> {part.look.word}
              </li>
            )}
          </For>
          <li class="quiet">of {plural(total(), 'task')}</li>
        </ul>
      )}
    </div>
  );
}
