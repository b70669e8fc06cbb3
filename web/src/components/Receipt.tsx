import { For, Show } from 'solid-js';
import type { CostPart, Receipt as Paper } from '../api/types';
import { count, money, plural, seconds, secondsOf } from '../format/number';
import { clock, day, duration } from '../format/time';
import { useFarm } from '../state/farm';
import { AccountsTable } from './AccountsTable';
import { Shape } from './Shape';

function CostTable(props: { title: string; parts: CostPart[]; total: string; currency: string }) {
  return (
    <table class="cost">
      <thead>
        <tr>
          <th scope="col">{props.title}</th>
          <th scope="col" class="number">
            Machine time
          </th>
          <th scope="col" class="number">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        <For each={props.parts}>
          {(part) => (
            <tr>
              <td class="ellipsis">{part.name}</td>
              <td class="number">{seconds(part.machine_ms)}</td>
              <td class="number">{money(part.cost, props.currency)}</td>
            </tr>
          )}
        </For>
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Σ</th>
          <td class="number">
            {seconds(props.parts.reduce((sum, part) => sum + part.machine_ms, 0))}
          </td>
          <td class="number">{money(props.total, props.currency)}</td>
        </tr>
      </tfoot>
    </table>
  );
}

const FEW = 3;

/** Where the result is: a few paths as they are, many folded behind the first. */
function Outputs(props: { paths: string[] }) {
  const list = () => <For each={props.paths}>{(path) => <code class="path">{path}</code>}</For>;
  return (
    <Show when={props.paths.length > FEW} fallback={list()}>
      <details>
        <summary>
          <code>{props.paths[0]}</code> and {props.paths.length - 1} more
        </summary>
        {list()}
      </details>
    </Show>
  );
}

/** The receipt of a finished job: every second of every machine, in exactly one account. */
export function Receipt(props: { receipt: Paper; title?: string }) {
  const farm = useFarm();
  const span = () => props.receipt.span;
  const balances = () => props.receipt.unaccounted_ms === 0;
  return (
    <section class="panel receipt" aria-label="Receipt">
      <header>
        <h2>Receipt</h2>
        <div class="aside">
          {day(span().start_at, farm.zone())}, {clock(span().start_at, farm.zone())} –{' '}
          {clock(span().end_at, farm.zone())}
        </div>
      </header>
      <div class="equation">
        <p class="sum">
          <span>
            {plural(props.receipt.machines, 'machine')} × {secondsOf(props.receipt.seconds_each)} ={' '}
            <b>{secondsOf(props.receipt.machine_seconds)}</b>
          </span>
          <span class="verdict" data-tone={balances() ? 'done' : 'failed'}>
            <Shape name={balances() ? 'check' : 'cross'} />
            Unaccounted: {seconds(props.receipt.unaccounted_ms)}
          </span>
          <small class="quiet">
            All machines of the farm while this job was there, whatever they did; the cost is its
            own.
          </small>
        </p>
        <dl class="figures">
          <div>
            <dt>Frames rendered</dt>
            <dd>{count(props.receipt.frames.rendered)}</dd>
          </div>
          <div>
            <dt>Failed attempts</dt>
            <dd>{count(props.receipt.frames.failed_attempts)}</dd>
          </div>
          <div>
            <dt>Wall time</dt>
            <dd>{duration(props.receipt.wall_ms)}</dd>
          </div>
          <Show when={props.receipt.cost}>
            {(cost) => (
              <div>
                <dt>
                  Cost <Show when={cost().example}>(EXAMPLE rates)</Show>
                </dt>
                <dd>{money(cost().total, cost().currency)}</dd>
              </div>
            )}
          </Show>
        </dl>
      </div>
      <div class="sheets">
        <AccountsTable amount={(key) => props.receipt.accounts[`${key}_ms`] ?? 0} hasBars />
        <div class="sheet">
          <Show
            when={props.receipt.cost}
            fallback={
              <p class="empty pad">
                No rate card: hours only, no invented money. Add one with <code>grange cost</code>.
              </p>
            }
          >
            {(cost) => (
              <>
                <Show when={cost().example}>
                  <p class="example">
                    <b>EXAMPLE</b> These amounts come from the demo’s example rate card.
                  </p>
                </Show>
                <div class="costs">
                  <CostTable
                    title="Layer"
                    parts={cost().by_layer}
                    total={cost().total}
                    currency={cost().currency}
                  />
                  <CostTable
                    title="Worker"
                    parts={cost().by_worker}
                    total={cost().total}
                    currency={cost().currency}
                  />
                </div>
              </>
            )}
          </Show>
        </div>
      </div>
      <dl class="notes">
        <Show when={props.receipt.slowest}>
          {(slowest) => (
            <div>
              <dt>Slowest frame</dt>
              <dd>
                {slowest().layer} {slowest().frame}, {duration(slowest().render_ms)} on{' '}
                {slowest().worker}: {slowest().why}
              </dd>
            </div>
          )}
        </Show>
        <Show when={props.receipt.outputs.length > 0}>
          <div>
            <dt>{props.receipt.outputs.length === 1 ? 'Output' : 'Outputs'}</dt>
            <dd>
              <Outputs paths={props.receipt.outputs} />
            </dd>
          </div>
        </Show>
      </dl>
    </section>
  );
}
