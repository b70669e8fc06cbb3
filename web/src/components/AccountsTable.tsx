import { For, Show, createMemo } from 'solid-js';
import type { Account } from '../api/types';
import { roundedTogether } from '../format/amounts';
import { secondsOf, share } from '../format/number';
import { ACCOUNTS, accountToken, type AccountLook } from '../theme/accounts';

/** The colour and hatch of an account, as the charts draw it. */
function AccountSwatch(props: { account: AccountLook }) {
  return (
    <span
      class="swatch"
      data-hatch={props.account.hatch}
      data-account={props.account.key}
      style={{ '--colour': `var(${accountToken(props.account.key)})` }}
    />
  );
}

/** Machine time by account, with the sum it must give. */
export function AccountsTable(props: {
  /** Milliseconds in an account. */
  amount: (key: Account) => number;
  /** Milliseconds that shares are of, where the sum alone does not say it. */
  whole?: number;
  /** What is summed, if that is not simply the accounts. */
  sumOf?: string;
  hasBars?: boolean;
  /** The share of an account before, and by how many points it has changed since. */
  changeOf?: ((key: Account) => { before: string; points: string }) | undefined;
}) {
  const sum = () => ACCOUNTS.reduce((all, { key }) => all + props.amount(key), 0);
  const whole = () => props.whole ?? sum();
  /** Seconds as they are printed: they add up to the printed sum. */
  const printed = createMemo(() =>
    roundedTogether(
      ACCOUNTS.map(({ key }) => (props.amount(key) / 1000).toFixed(3)),
      1,
    ).map(Number),
  );
  return (
    <table class="accounts" classList={{ bars: props.hasBars ?? false }}>
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col" class="number">
            Machine time
          </th>
          <th scope="col" class="number">
            Share
          </th>
          <Show when={props.changeOf}>
            <th scope="col" class="number">
              Before
            </th>
            <th scope="col" class="number">
              ± points
            </th>
          </Show>
          <Show when={props.hasBars}>
            <th scope="col">
              <span class="visually-hidden">Bar</span>
            </th>
          </Show>
        </tr>
      </thead>
      <tbody>
        <For each={ACCOUNTS}>
          {(account, at) => (
            <tr classList={{ nothing: props.amount(account.key) === 0 }}>
              <td data-tip={account.meaning}>
                <AccountSwatch account={account} /> {account.label}
              </td>
              <td class="number">{secondsOf(printed()[at()]!)}</td>
              <td class="number">{share(props.amount(account.key), whole())}</td>
              <Show when={props.changeOf}>
                {(changeOf) => (
                  <>
                    <td class="number">{changeOf()(account.key).before}</td>
                    <td class="number">{changeOf()(account.key).points}</td>
                  </>
                )}
              </Show>
              <Show when={props.hasBars}>
                <td class="bar-cell">
                  <Show when={props.amount(account.key) > 0}>
                    <span
                      class="bar"
                      data-hatch={account.hatch}
                      data-account={account.key}
                      style={{
                        '--colour': `var(${accountToken(account.key)})`,
                        width: `${(props.amount(account.key) / Math.max(whole(), 1)) * 100}%`,
                      }}
                    />
                  </Show>
                </td>
              </Show>
            </tr>
          )}
        </For>
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Σ {props.sumOf ?? 'accounts'}</th>
          <td class="number">{secondsOf(printed().reduce((all, one) => all + one, 0))}</td>
          <td class="number">{share(sum(), whole())}</td>
          <Show when={props.changeOf}>
            <td />
            <td />
          </Show>
          <Show when={props.hasBars}>
            <td />
          </Show>
        </tr>
      </tfoot>
    </table>
  );
}
