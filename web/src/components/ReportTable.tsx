import { For, Show, createMemo } from 'solid-js';
import type { Report, ReportColumn, ReportRow } from '../api/types';
import { digitsOf, roundedTogether, written } from '../format/amounts';
import { UNKNOWN, bytes, count, share } from '../format/number';
import { compareNames } from '../format/order';
import { duration, full, hoursOrWords } from '../format/time';

type Value = string | number | null;

const decimal = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 3 });
const ratio = new Intl.NumberFormat('en-GB', {
  minimumFractionDigits: 3,
  maximumFractionDigits: 3,
});

/** A value as people read it; times and money are written by the table they stand in. */
function shown(value: Value, column: ReportColumn, zone: string | undefined): string {
  if (value === null) return UNKNOWN;
  switch (column.unit) {
    case 'bytes':
      return bytes(Number(value));
    case 'share':
      return share(Number(value), 1);
    case 'instant':
      return full(Number(value), zone);
    case 'count':
      return count(Number(value));
    case 'ratio':
      return ratio.format(Number(value));
    case 'number':
      return decimal.format(Number(value));
    default:
      return String(value);
  }
}

/** How a column is headed: `machine_ms` reads "machine". */
export const heading = (column: ReportColumn): string =>
  column.name
    .replace(/_(ms|bytes|at)$/, '')
    .replaceAll('_', ' ')
    .replace(/^cpu\b/, 'CPU');

/** What writes the times and amounts of a report: each in one unit, with as many digits. */
function createWriter(report: () => Report) {
  const moneyColumns = () => report().columns.filter((column) => column.unit === 'money');
  const digits = createMemo(() => {
    const { rows, totals, currency } = report();
    const amounts = totals ? [totals] : rows;
    const sizes = amounts.flatMap((row) =>
      moneyColumns().map(({ name }) => Math.abs(Number(row[name] ?? 0))),
    );
    return digitsOf(String(Math.max(0, ...sizes)), currency);
  });
  const text = (value: Value) => (value === null ? null : String(value));
  const alone = (value: Value) => roundedTogether([text(value)], digits())[0]!;
  /** Rows that are all parts of a total are rounded so that they add up to it as it is written. */
  const rounded = createMemo(() => {
    const found = new Map<ReportRow, Map<string, number | null>>();
    const { rows, totals, matched } = report();
    for (const row of rows) found.set(row, new Map());
    for (const { name } of moneyColumns()) {
      const values = rows.map((row) => text(row[name] ?? null));
      const parts =
        totals && rows.length === matched ? roundedTogether(values, digits()) : values.map(alone);
      rows.forEach((row, at) => found.get(row)!.set(name, parts[at] ?? null));
    }
    return found;
  });
  const time = createMemo(() => {
    const whole = report().totals?.['machine_ms'] ?? null;
    return whole === null ? duration : hoursOrWords(Number(whole));
  });
  return (row: ReportRow, column: ReportColumn, zone: string | undefined): string => {
    const value = row[column.name] ?? null;
    if (column.unit === 'money') {
      const parts = rounded().get(row);
      const amount = parts ? (parts.get(column.name) ?? null) : alone(value);
      return written(amount, report().currency, digits());
    }
    if (column.unit === 'ms' && value !== null) return time()(Number(value));
    return shown(value, column, zone);
  };
}

const isText = (column: ReportColumn) => column.unit === 'text';

const MEASURED = new Set<ReportColumn['unit']>(['money', 'ms', 'bytes', 'count', 'share']);

/**
 * Which column the bars show: what rows are sorted by if it is an amount, else the first amount of
 * money that is known, else of time.
 */
function barColumn(report: Report, sort: string | undefined): ReportColumn | undefined {
  const known = (column: ReportColumn) => report.rows.some((row) => row[column.name] !== null);
  const chosen = report.columns.find((column) => column.name === sort?.replace(/^-/, ''));
  if (chosen && MEASURED.has(chosen.unit) && known(chosen)) return chosen;
  const of = (unit: ReportColumn['unit']) =>
    report.columns.find((column) => column.unit === unit && known(column));
  return of('money') ?? of('ms');
}

function compare(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return compareNames(String(a), String(b));
  return y - x;
}

/** Rows sorted by a column, the largest first; texts ascending; unknown ones last. */
function sorted(rows: ReportRow[], by: string | undefined): ReportRow[] {
  if (!by) return rows;
  const name = by.replace(/^-/, '');
  const order = rows.toSorted((a, b) => compare(a[name] ?? null, b[name] ?? null));
  return by.startsWith('-') ? order.toReversed() : order;
}

/** A report as a table: columns sort, names open what they stand for. */
export function ReportTable(props: {
  report: Report;
  zone: string | undefined;
  sort: string | undefined;
  onSort: (by: string) => void;
  /** The address of the same report for one name only; null: it cannot be opened. */
  drill: (column: string, value: string) => string | null;
}) {
  // An id stands beside its name; people read the name, and open what it names.
  const columns = createMemo(() => {
    const names = new Set(props.report.columns.map((column) => column.name));
    return props.report.columns.filter(
      ({ name }) => !names.has(name.replace(/_id$/, '')) || !name.endsWith('_id'),
    );
  });
  const link = (row: ReportRow, column: ReportColumn): string | null => {
    const value = row[column.name] ?? null;
    if (!isText(column) || value === null) return null;
    const job = column.name === 'job' ? row['job_id'] : null;
    return job ? `/jobs/${job}` : props.drill(column.name, String(value));
  };
  const write = createWriter(() => props.report);
  const rows = createMemo(() => sorted(props.report.rows, props.sort));
  const bar = createMemo(() => barColumn(props.report, props.sort));
  const most = createMemo(() =>
    Math.max(0, ...props.report.rows.map((row) => Number(row[bar()?.name ?? ''] ?? 0))),
  );
  const direction = (name: string) =>
    props.sort === name ? 'descending' : props.sort === `-${name}` ? 'ascending' : undefined;
  return (
    <div class="scroll-x" role="region" aria-label={props.report.title} tabindex="0">
      <table class="report">
        <thead>
          <tr>
            <For each={columns()}>
              {(column) => (
                <th
                  scope="col"
                  class={isText(column) ? undefined : 'number'}
                  aria-sort={direction(column.name)}
                >
                  <button
                    type="button"
                    class="sorter"
                    data-tip={column.meaning || undefined}
                    onClick={() =>
                      props.onSort(props.sort === column.name ? `-${column.name}` : column.name)
                    }
                  >
                    {heading(column)}
                    <span aria-hidden="true">
                      {direction(column.name) === 'descending'
                        ? ' ▾'
                        : direction(column.name) === 'ascending'
                          ? ' ▴'
                          : ''}
                    </span>
                  </button>
                </th>
              )}
            </For>
            <Show when={bar()}>
              <th scope="col">
                <span class="visually-hidden">Bar of {heading(bar()!)}</span>
              </th>
            </Show>
          </tr>
        </thead>
        <tbody>
          <For each={rows()}>
            {(row) => (
              <tr>
                <For each={columns()}>
                  {(column) => {
                    const value = row[column.name] ?? null;
                    const text =
                      value === null && isText(column) && props.report.report === 'cost'
                        ? 'no work (idle, overheads)'
                        : write(row, column, props.zone);
                    return (
                      <td class={isText(column) ? undefined : 'number'}>
                        <Show when={link(row, column)} fallback={text}>
                          {(address) => <a href={address()}>{text}</a>}
                        </Show>
                      </td>
                    );
                  }}
                </For>
                <Show when={bar()}>
                  {(column) => (
                    <td class="bar-cell">
                      <span
                        class="bar plain"
                        style={{
                          width: `${most() > 0 ? (Number(row[column().name] ?? 0) / most()) * 100 : 0}%`,
                        }}
                      />
                    </td>
                  )}
                </Show>
              </tr>
            )}
          </For>
        </tbody>
        <Show when={props.report.totals}>
          {(totals) => (
            <tfoot>
              <tr>
                <For each={columns()}>
                  {(column, at) => (
                    <td class={isText(column) ? undefined : 'number'}>
                      {isText(column)
                        ? at() === 0
                          ? 'Σ'
                          : ''
                        : write(totals(), column, props.zone)}
                    </td>
                  )}
                </For>
                <Show when={bar()}>
                  <td class="bar-cell" />
                </Show>
              </tr>
            </tfoot>
          )}
        </Show>
      </table>
    </div>
  );
}
