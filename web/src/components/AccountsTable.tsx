import { For, Show } from 'solid-js';
import type { Receipt } from '../api/types';
import { seconds, share } from '../format/number';
import { ACCOUNTS, accountToken, type AccountLook } from '../theme/accounts';

/** The colour and hatch of an account, as the charts draw it. */
export function AccountSwatch(props: { account: AccountLook }) {
  return (
    <span
      class="swatch"
      data-hatch={props.account.hatch}
      data-account={props.account.key}
      style={{ '--colour': `var(${accountToken(props.account.key)})` }}
    />
  );
}

/** Machine time by account, as the receipt has it, with the sum it must give. */
export function AccountsTable(props: { receipt: Receipt }) {
  const amount = (key: AccountLook['key']) => props.receipt.accounts[`${key}_ms`] ?? 0;
  const whole = () => ACCOUNTS.reduce((sum, { key }) => sum + amount(key), 0);
  return (
    <table class="accounts bars">
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col" class="number">
            Machine time
          </th>
          <th scope="col" class="number">
            Share
          </th>
          <th scope="col">
            <span class="visually-hidden">Bar</span>
          </th>
        </tr>
      </thead>
      <tbody>
        <For each={ACCOUNTS}>
          {(account) => (
            <tr classList={{ nothing: amount(account.key) === 0 }}>
              <td data-tip={account.meaning}>
                <AccountSwatch account={account} /> {account.label}
              </td>
              <td class="number">{seconds(amount(account.key))}</td>
              <td class="number">{share(amount(account.key), whole())}</td>
              <td class="bar-cell">
                <Show when={amount(account.key) > 0}>
                  <span
                    class="bar"
                    data-hatch={account.hatch}
                    data-account={account.key}
                    style={{
                      '--colour': `var(${accountToken(account.key)})`,
                      width: `${(amount(account.key) / Math.max(whole(), 1)) * 100}%`,
                    }}
                  />
                </Show>
              </td>
            </tr>
          )}
        </For>
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Σ accounts</th>
          <td class="number">{seconds(whole())}</td>
          <td class="number">100.0 %</td>
          <td />
        </tr>
      </tfoot>
    </table>
  );
}
