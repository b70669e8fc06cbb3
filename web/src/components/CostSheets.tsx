import { For, Show, createMemo, createResource } from 'solid-js';
import { reasonOf } from '../api/client';
import {
  getBudgets,
  getStatement,
  type Budget,
  type Months,
  type Sheet,
  type Statement,
} from '../api/costs';
import { digitsOf, printed, roundedTogether, written } from '../format/amounts';
import { count } from '../format/number';
import { day, full, hoursOrWords, monthName } from '../format/time';
import { now } from '../state/clock';
import { useFarm } from '../state/farm';
import { answerOf } from '../state/resource';
import { useWords } from '../state/words';
import { Panel } from './Panel';
import { StatementFiles } from './StatementFiles';
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

const WORDS: Record<string, string> = {
  machine_ms: 'machine time',
  printed: 'amount',
};
const HIDDEN = new Set(['amount', 'posting', 'lines', 'corrects', 'reason']);

function SheetTable(props: {
  sheet: Sheet;
  /** Machine time of the whole statement: all its tables are in one unit. */
  whole: number;
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
  const time = createMemo(() => hoursOrWords(props.whole));
  const text = (name: string, value: string | number | null) => {
    if (name === 'machine_ms') return time()(Number(value));
    if (name === 'printed') return printed(value === null ? null : String(value), props.currency);
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
                    ? time()(props.sheet.machine_ms)
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

function BudgetRow(props: { budget: Budget; currency: string; zone: string | undefined }) {
  const spent = () => Number(props.budget.spent ?? 0);
  const whole = () => Number(props.budget.amount);
  const share = () => (whole() > 0 ? spent() / whole() : 0);
  const tone = () => (share() >= 1 ? 'failed' : share() >= 0.9 ? 'held' : 'done');
  const word = () =>
    share() >= 1 ? 'used up' : share() >= 0.9 ? 'nearly used up' : `${Math.floor(share() * 100)} %`;
  /** Until when it is, and when it will be gone at the pace of the last days. */
  const ends = () => {
    const { end_at, exhausted_at, lasts } = props.budget;
    const until = end_at === null ? '' : ` · until ${day(end_at, props.zone)}`;
    if (share() >= 1 || exhausted_at === null) return until;
    return lasts
      ? `${until}, it lasts`
      : `${until} · used up about ${day(exhausted_at, props.zone)} at this pace`;
  };
  const digits = () => digitsOf(props.budget.amount, props.currency);
  const amount = (text: string | null) =>
    written(roundedTogether([text], digits())[0]!, props.currency, digits());
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
        {amount(props.budget.spent)} of {amount(props.budget.amount)} · {word()}
        {ends()}
      </span>
    </li>
  );
}

/** The statement of a month, budgets, and where money was wasted: above the table of costs. */
export function CostSheets(props: { months: Months | undefined }) {
  const farm = useFarm();
  const { word, address } = useWords();
  const id = () => farm.store.farm?.farm_id;
  const [budgets] = createResource(id, getBudgets);
  const previous = () => lastMonth(now(), farm.zone());
  const month = () => word('month');
  /** Why there is nothing to add up; null: there is, or it is not known yet. */
  const nothing = createMemo(() => {
    const known = props.months;
    if (known === undefined || known.months.some((one) => one.month === month())) return null;
    const [first, last] = [known.months.at(-1), known.months[0]];
    if (last !== undefined && month() > last.month) return `${monthName(month())} has not begun.`;
    if (known.begins_at === null || first === undefined)
      return 'The books hold no work yet, so no month has cost anything.';
    return `The books begin on ${full(known.begins_at, farm.zone())}: of ${monthName(month())} they hold nothing.`;
  });
  const [statement] = createResource(
    () =>
      id() !== undefined && month() && props.months !== undefined && nothing() === null
        ? ([id()!, month()] as const)
        : null,
    ([farmId, wanted]) => getStatement(farmId, wanted),
  );
  const choices = () => {
    const known = (props.months?.months ?? []).map((one) => one.month);
    return [...new Set([...known, previous()])].toSorted().toReversed().slice(0, 6);
  };
  const drill = (column: string, value: string) =>
    column === 'project' || column === 'client' || column === 'outcome'
      ? `${address({ by: 'job', where: `${column}=${JSON.stringify(value)}`, sort: '', range: '' })}#report-title`
      : null;
  const standing = (sheet: Statement) => {
    if (sheet.status === 'frozen')
      return `Frozen ${full(sheet.frozen_at, farm.zone())} by ${sheet.frozen_by}: it never changes again`;
    return sheet.end_at !== null && sheet.end_at > now()
      ? 'Open: the month is not over, it still grows'
      : 'Open: not frozen yet, facts that arrive late may still change it';
  };

  return (
    <>
      <Panel
        title={month() ? `Statement of ${monthName(month())}` : 'Statements'}
        flush
        aside={
          <nav class="segmented" aria-label="Month of the statement">
            <For each={choices()}>
              {(one) => (
                <a
                  href={address({ month: one === month() ? '' : one })}
                  aria-current={one === month() ? 'true' : undefined}
                >
                  {one === previous() ? 'Last month' : monthName(one)}
                </a>
              )}
            </For>
          </nav>
        }
      >
        <Show
          when={month() && nothing() === null ? answerOf(statement) : undefined}
          fallback={
            <p
              class="empty pad"
              classList={{
                'adding-up': month() !== '' && nothing() === null && statement.error === undefined,
              }}
            >
              {month() && nothing() !== null
                ? nothing()
                : statement.error !== undefined
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
                  whole={sheet().rows.machine_ms}
                  label="Statement"
                  currency={sheet().currency}
                  link={drill}
                />
                <p class="quiet pad">
                  {standing(sheet())} · {count(sheet().attempts)} attempts,{' '}
                  {count(sheet().sessions)} sessions
                  {sheet().example ? ' · EXAMPLE rates: nobody pays them' : ''} · Amounts are
                  rounded so that columns add up
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
                    whole={sheet().rows.machine_ms}
                    label="Wasted cost"
                    currency={sheet().currency}
                    link={drill}
                  />
                </Show>
                <StatementFiles
                  farm={sheet().farm_id}
                  month={sheet().month}
                  kinds={props.months?.files ?? []}
                />
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
              {(budget) => (
                <BudgetRow
                  budget={budget}
                  currency={answerOf(budgets)!.currency}
                  zone={farm.zone()}
                />
              )}
            </For>
          </ul>
        </Show>
      </Panel>
    </>
  );
}
