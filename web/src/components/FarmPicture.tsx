import { Show, createEffect, createMemo, createSignal, on } from 'solid-js';
import { getAccounts } from '../api/client';
import type { Account, Accounts } from '../api/types';
import { UNKNOWN, plural, seconds, share } from '../format/number';
import { duration, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { createMachineTime } from '../state/machineTime';
import { useWords } from '../state/words';
import { ACCOUNTS } from '../theme/accounts';
import { AccountsTable } from './AccountsTable';
import { MachinePicture } from './MachinePicture';
import '../styles/picture.css';

const DAY_MS = 86_400_000;
const STEP_MS = 300_000;

/** The span of a picture, kept in the address: `from` and `to`; without them the last 24 hours. */
export function createPictureSpan() {
  const { span: given, setSpan: go, clearSpan: reset } = useWords();
  const live = createMemo(() => Math.ceil(now() / STEP_MS) * STEP_MS);
  const span = createMemo(() => given() ?? { start: live() - DAY_MS, end: live() }, undefined, {
    equals: (a, b) => a.start === b.start && a.end === b.end,
  });
  return { span, isLive: () => given() === null, go, reset };
}

/** Buttons that move and widen the span of a picture. */
export function SpanButtons(props: { picture: ReturnType<typeof createPictureSpan> }) {
  const length = () => props.picture.span().end - props.picture.span().start;
  const shift = (by: number) =>
    props.picture.go(props.picture.span().start + by, props.picture.span().end + by);
  const wider = () => {
    const { start, end } = props.picture.span();
    props.picture.go(start - length() / 2, Math.min(end + length() / 2, now()));
  };
  return (
    <div class="deeds" role="group" aria-label="Span of the picture">
      <button type="button" onClick={() => shift(-length())}>
        ‹ {duration(length())} before
      </button>
      <button
        type="button"
        disabled={props.picture.span().end >= now()}
        onClick={() => shift(length())}
      >
        after ›
      </button>
      <button type="button" onClick={wider} disabled={length() >= 8 * DAY_MS}>
        Wider
      </button>
      <button type="button" disabled={props.picture.isLive()} onClick={props.picture.reset}>
        Last 24 h
      </button>
    </div>
  );
}

/** The picture of Grange: every machine over a day, and the receipt beside it. */
export function FarmPicture() {
  const farm = useFarm();
  const { word, change } = useWords();
  const picture = createPictureSpan();
  const time = createMachineTime(picture.span);
  const [before, setBefore] = createSignal<Accounts | null>(null);
  const compares = () => word('compare') === '1';
  createEffect(
    on([compares, picture.span, () => farm.store.farm?.farm_id], async ([wanted, at, farmId]) => {
      setBefore(null);
      if (!wanted || farmId === undefined) return;
      const length = at.end - at.start;
      setBefore(await getAccounts(farmId, at.start - length, at.start).catch(() => null));
    }),
  );
  const sums = () => time()?.accounts;
  const amount = (accounts: Accounts | null | undefined, key: Account) =>
    accounts?.total[`${key}_ms`] ?? 0;
  const whole = () => sums()?.machine_ms ?? 0;
  const accounted = () => ACCOUNTS.reduce((sum, { key }) => sum + amount(sums(), key), 0);
  const each = () => {
    const found = sums();
    if (found === undefined) return '';
    const long = found.span.end_at - found.span.start_at;
    const words = plural(found.workers, 'machine');
    return found.machine_ms === found.workers * long
      ? `${words} × ${seconds(long)}`
      : `${words}, ${seconds(found.machine_ms)} of machine time`;
  };
  /** The share in the span before, and how much more or less it is now, in points of a hundred. */
  const changeOf = (key: Account) => {
    const old = before();
    if (old === null || old.machine_ms === 0) return { before: UNKNOWN, points: UNKNOWN };
    const earlier = share(amount(old, key), old.machine_ms);
    if (whole() === 0) return { before: earlier, points: UNKNOWN };
    const points = (amount(sums(), key) / whole() - amount(old, key) / old.machine_ms) * 100;
    const sign = points >= 0 ? '+' : '−';
    return { before: earlier, points: `${sign}${Math.abs(points).toFixed(1)}` };
  };

  return (
    <section class="panel picture-panel" aria-labelledby="picture-title">
      <header>
        <h2 id="picture-title">Every machine, every second</h2>
        <div class="aside">
          <SpanButtons picture={picture} />
        </div>
      </header>
      <div class="picture-and-receipt">
        <div>
          <Show when={time() !== null && time()!.rows.length === 0}>
            <p class="empty pad">
              No machine was there in this span. The books begin with the first worker that joins.
            </p>
          </Show>
          <MachinePicture time={time()} onBrush={picture.go} />
          <p class="quiet pad small">
            {full(picture.span().start, farm.zone())} to {full(picture.span().end, farm.zone())} ·
            drag to look closer, click a second to open its attempt
          </p>
        </div>
        <div class="picture-receipt">
          <p class="equation-line">
            <b>{each() || 'Adding up …'}</b>
          </p>
          <p class="quiet small">
            {whole() > 0 ? `${duration(whole())} of machine time` : ''}&nbsp;
          </p>
          <div class="scroll-x" role="region" aria-label="Machine time by account" tabindex="0">
            <AccountsTable
              amount={(key) => amount(sums(), key)}
              whole={whole()}
              changeOf={compares() ? changeOf : undefined}
            />
          </div>
          <p class="unaccounted" data-ok={whole() === accounted() ? 'yes' : 'no'}>
            Unaccounted: {seconds(whole() - accounted())}
          </p>
          <label class="compare">
            <input
              type="checkbox"
              checked={compares()}
              onChange={(event) => change({ compare: event.currentTarget.checked ? '1' : '' })}
            />
            <span>
              Compare with the {duration(picture.span().end - picture.span().start)} before
            </span>
          </label>
        </div>
      </div>
    </section>
  );
}
