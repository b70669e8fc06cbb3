import { For, Show } from 'solid-js';
import { useLocation } from '@solidjs/router';
import type { JobRow, Receipt } from '../api/types';
import { now } from '../state/clock';
import type { Span } from '../state/machineTime';

const RANGES: { key: string; word: string; ms: number }[] = [
  { key: '10m', word: '10 min', ms: 600_000 },
  { key: '1h', word: '1 h', ms: 3_600_000 },
  { key: '6h', word: '6 h', ms: 21_600_000 },
  { key: '24h', word: '24 h', ms: 86_400_000 },
];

/** The span a range stands for; without one, that of the job. A live span moves in whole steps. */
export function spanOf(
  range: string | undefined,
  job: JobRow | null,
  receipt: Receipt | null,
): Span | null {
  const found = RANGES.find(({ key }) => key === range);
  if (found !== undefined) {
    const step = found.ms / 200;
    return { start: Math.floor((now() - found.ms) / step) * step, end: null };
  }
  if (job === null) return { start: Math.floor((now() - 600_000) / 3000) * 3000, end: null };
  if (receipt !== null) return { start: receipt.span.start_at, end: receipt.span.end_at };
  return { start: job.created_at, end: job.ended_at };
}

/** Which span the machine time chart shows; it is part of the address. */
export function RangePicker(props: { job: JobRow | null }) {
  const location = useLocation();
  const current = () => {
    const range = location.query['range'];
    if (RANGES.some(({ key }) => key === range)) return range;
    return props.job === null ? RANGES[0]!.key : 'job';
  };
  const options = () => [
    ...(props.job === null ? [] : [{ key: 'job', word: 'While this job ran' }]),
    ...RANGES,
  ];
  return (
    <nav class="segmented" aria-label="Span of the chart">
      <For each={options()}>
        {(option) => (
          <a
            href={option.key === 'job' ? location.pathname : `?range=${option.key}`}
            ref={(link) => link.setAttribute('noscroll', '')}
            aria-current={current() === option.key ? 'true' : undefined}
          >
            <Show when={option.key !== 'job'}>
              <span class="visually-hidden">Last </span>
            </Show>
            {option.word}
          </a>
        )}
      </For>
    </nav>
  );
}
