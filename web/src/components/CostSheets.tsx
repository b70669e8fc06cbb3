import { For, Show, createMemo, createResource } from 'solid-js';
import { reasonOf } from '../api/client';
import {
  getBudgets,
  getMonths,
  getStatement,
  statementUrl,
  type Budget,
  type Sheet,
} from '../api/costs';
import { UNKNOWN, count, money } from '../format/number';
import { duration, full } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { answerOf } from '../state/resource';
import { useWords } from '../state/words';
import { Panel } from './Panel';
import '../styles/costs.css';

/** The month before the one of an instant, as the books call it: 2026-10. */
function lastMonth(at: number, zone: string | undefined): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    year: 'numeric',
    month: '2-digit',
    ...(zone === undefined ? {} : { timeZone: zone }),
  }).formatToParts(at);
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  const [year, month] = [part('year'), part('month')];
  return month === 1 ? `${year - 1}-12` : `${year}-${String(month - 1).padStart(2, '0')}`;
}

const nameOf = (month: string) =>
  new Date(`${month}-15T12:00:00Z`).toLocaleDateString('en-GB', { month: 'long', year: 'numeric' });

const WORDS: Record<string, string> = {
  machine_ms: 'machine time',
  printed: 'amount',
};
const HIDDEN = new Set(['amount', 'posting', 'lines', 'corrects', 'reason']);

function SheetTable(props: {
  sheet: Sheet;
  label: string;
  currency: string;
  link?: (column: string, value: string) => string | null;
}) {
  const shown = createMemo(() =>
    props.sheet.columns
      .map((name, at) => ({ name, at }))
      .filter(
        ({ name, at }) =>
          !HIDDEN.has(name) || (name === 'reason' && props.sheet.rows.some((row) => row[at])),
      ),
  );
  const text = (name: string, value: string | number | null) => {
    if (name === 'machine_ms') return duration(Number(value));
    if (name === 'printed')
      return value === null ? UNKNOWN : `${props.currency} ${Number(value).toFixed(2)}`;
    return value === null ? 'no work (idle, overheads)' : String(value);
  };
  const isNumber = (name: string) => name === 'machine_ms' || name === 'printed';
  return (
    <div class="scroll-x" role="region" aria-label={props.label} tabindex="0">
      <table class="sheet-table">
        <thead>
          <tr>
            <For each={shown()}>
              {({ name }) => (
                <th scope="col" class={isNumber(name) ? 'number' : undefined}>
                  {WORDS[name] ?? name}
                </th>
              )}
            </For>
          </tr>
        </thead>
        <tbody>
          <For each={props.sheet.rows}>
            {(row) => (
              <tr>
                <For each={shown()}>
                  {({ name, at }) => {
                    const value = row[at] ?? null;
                    const to =
                      typeof value === 'string' ? (props.link?.(name, value) ?? null) : null;
                    return (
                      <td class={isNumber(name) ? 'number' : undefined}>
                        <Show when={to} fallback={text(name, value)}>
                          {(address) => <a href={address()}>{text(name, value)}</a>}
                        </Show>
                      </td>
                    );
                  }}
                </For>
              </tr>
            )}
          </For>
        </tbody>
        <tfoot>
          <tr>
            <For each={shown()}>
              {({ name }, at) => (
                <td class={isNumber(name) ? 'number' : undefined}>
                  {name === 'machine_ms'
                    ? duration(props.sheet.machine_ms)
                    : name === 'printed'
                      ? text('printed', props.sheet.printed)
                      : at() === 0
                        ? 'Σ'
                        : ''}
                </td>
              )}
            </For>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function BudgetRow(props: { budget: Budget; currency: string }) {
  const spent = () => Number(props.budget.spent ?? 0);
  const whole = () => Number(props.budget.amount);
  const share = () => (whole() > 0 ? spent() / whole() : 0);
  const tone = () => (share() >= 1 ? 'failed' : share() >= 0.9 ? 'held' : 'done');
  const word = () =>
    share() >= 1 ? 'used up' : share() >= 0.9 ? 'nearly used up' : `${Math.floor(share() * 100)} %`;
  const scope = () =>
    Object.entries(props.budget.scope)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ') || 'the whole farm';
  return (
    <li>
      <b>{props.budget.name}</b> <span class="quiet">{scope()}</span>
      <span class="budget-bar" data-tone={tone()} aria-hidden="true">
        <span style={{ width: `${Math.min(share(), 1) * 100}%` }} />
      </span>
      <span>
        {money(props.budget.spent, props.currency)} of {money(props.budget.amount, props.currency)}{' '}
        · {word()}
      </span>
    </li>
  );
}

/** The statement of a month, budgets, and where money was wasted: above the table of costs. */
export function CostSheets() {
  const farm = useFarm();
  const { word, address } = useWords();
  const id = () => farm.store.farm?.farm_id;
  const [months] = createResource(id, getMonths);
  const [budgets] = createResource(id, getBudgets);
  const previous = () => lastMonth(now(), farm.zone());
  const month = () => word('month');
  const [statement] = createResource(
    () => (id() !== undefined && month() ? ([id()!, month()] as const) : null),
    ([farmId, wanted]) => getStatement(farmId, wanted),
  );
  const choices = () => {
    const known = (answerOf(months)?.months ?? []).map((one) => one.month);
    return [...new Set([...known, previous()])].toSorted().toReversed().slice(0, 6);
  };
  const drill = (column: string, value: string) =>
    column === 'project' || column === 'client' || column === 'outcome'
      ? address({ by: 'job', where: `${column}=${JSON.stringify(value)}`, sort: '' })
      : null;

  return (
    <>
      <Panel
        title={month() ? `Statement of ${nameOf(month())}` : 'Statements'}
        flush
        aside={
          <nav class="segmented" aria-label="Month of the statement">
            <For each={choices()}>
              {(one) => (
                <a
                  href={address({ month: one === month() ? '' : one })}
                  aria-current={one === month() ? 'true' : undefined}
                >
                  {one === previous() ? 'Last month' : nameOf(one)}
                </a>
              )}
            </For>
          </nav>
        }
      >
        <Show
          when={month() ? answerOf(statement) : undefined}
          fallback={
            <p class="empty pad" classList={{ 'adding-up': statement.loading }}>
              {statement.error !== undefined
                ? reasonOf(statement.error)
                : month()
                  ? 'Adding up the month …'
                  : 'Choose a month to see what it cost, by client and project.'}
            </p>
          }
        >
          {(sheet) => (
            <div class="statement">
              <div>
                <SheetTable
                  sheet={sheet().rows}
                  label="Statement"
                  currency={sheet().currency}
                  link={drill}
                />
                <p class="quiet pad">
                  {sheet().status === 'frozen'
                    ? `Frozen ${full(sheet().frozen_at, farm.zone())} by ${sheet().frozen_by}: it never changes again`
                    : 'Open: it still grows'}{' '}
                  · {count(sheet().attempts)} attempts, {count(sheet().sessions)} sessions
                  {sheet().example ? ' · EXAMPLE rates: nobody pays them' : ''}
                </p>
              </div>
              <div class="beside">
                <h3>Wasted</h3>
                <Show
                  when={sheet().waste.rows.length > 0}
                  fallback={<p class="empty">Nothing was wasted.</p>}
                >
                  <SheetTable
                    sheet={sheet().waste}
                    label="Wasted cost"
                    currency={sheet().currency}
                    link={drill}
                  />
                </Show>
                <p class="files">
                  <For each={['csv', 'xlsx', 'html', 'pdf']}>
                    {(kind) => (
                      <a href={statementUrl(id()!, month(), kind)} download="">
                        {kind.toUpperCase()}
                      </a>
                    )}
                  </For>
                </p>
              </div>
            </div>
          )}
        </Show>
      </Panel>
      <Panel title="Budgets">
        <Show
          when={(answerOf(budgets)?.budgets.length ?? 0) > 0}
          fallback={
            <p class="empty">
              {budgets.error !== undefined
                ? reasonOf(budgets.error)
                : budgets.loading
                  ? 'Adding up what was spent …'
                  : 'There is none yet. '}
              <Show when={answerOf(budgets)}>
                <code>grange budget set NAME AMOUNT --of project=film</code>
              </Show>
            </p>
          }
        >
          <ul class="budgets">
            <For each={answerOf(budgets)?.budgets}>
              {(budget) => <BudgetRow budget={budget} currency={answerOf(budgets)!.currency} />}
            </For>
          </ul>
        </Show>
      </Panel>
    </>
  );
}
