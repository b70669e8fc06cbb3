import { For, Show, createMemo } from 'solid-js';
import type { Report, ReportColumn, ReportRow } from '../api/types';
import { UNKNOWN, bytes, count, money, share } from '../format/number';
import { compareNames } from '../format/order';
import { duration, full } from '../format/time';

type Value = string | number | null;

const decimal = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 3 });

/** A value as people read it. */
function shown(
  value: Value,
  column: ReportColumn,
  currency: string,
  zone: string | undefined,
): string {
  if (value === null) return UNKNOWN;
  switch (column.unit) {
    case 'ms':
      return duration(Number(value));
    case 'bytes':
      return bytes(Number(value));
    case 'money':
      return money(String(value), currency);
    case 'share':
      return share(Number(value), 1);
    case 'instant':
      return full(Number(value), zone);
    case 'count':
      return count(Number(value));
    case 'ratio':
    case 'number':
      return decimal.format(Number(value));
    default:
      return String(value);
  }
}

/** How a column is headed: `machine_ms` reads "machine". */
export const heading = (column: ReportColumn): string =>
  column.name.replace(/_(ms|bytes|at)$/, '').replaceAll('_', ' ');

const isText = (column: ReportColumn) => column.unit === 'text';

/** Which column the bars show: the first amount of money that is known, else of time. */
function barColumn(report: Report): ReportColumn | undefined {
  const known = (column: ReportColumn) => report.rows.some((row) => row[column.name] !== null);
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
  const rows = createMemo(() => sorted(props.report.rows, props.sort));
  const bar = createMemo(() => barColumn(props.report));
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
                <span class="visually-hidden">Bar</span>
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
                        : shown(value, column, props.report.currency, props.zone);
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
      </table>
    </div>
  );
}
