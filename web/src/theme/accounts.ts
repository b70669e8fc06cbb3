/** The accounts of machine time: the same keys, words and order as `grange.plots.palette`. */

import type { Account } from '../api/types';

export type Hatch = 'none' | 'forward' | 'backward' | 'dots' | 'gap';

export interface AccountLook {
  key: Account;
  label: string;
  /** Drawn over the colour, so that accounts tell apart without it. */
  hatch: Hatch;
  meaning: string;
}

export const ACCOUNTS: AccountLook[] = [
  {
    key: 'rendering_useful',
    label: 'Rendering, useful',
    hatch: 'none',
    meaning: 'rendering that became a finished frame',
  },
  {
    key: 'rendering_wasted',
    label: 'Rendering, wasted',
    hatch: 'forward',
    meaning: 'attempts that failed, were stopped or were rendered again',
  },
  {
    key: 'overhead',
    label: 'Overhead',
    hatch: 'dots',
    meaning: 'environments, copies and gaps inside open sessions',
  },
  {
    key: 'idle_blocked',
    label: 'Idle, blocked',
    hatch: 'backward',
    meaning: 'work waited, but none this worker may do',
  },
  { key: 'idle_no_work', label: 'Idle, no work', hatch: 'none', meaning: 'nothing to render' },
  {
    key: 'disabled',
    label: 'Disabled',
    hatch: 'forward',
    meaning: 'switched off by a user or by render hours',
  },
  { key: 'off', label: 'Off', hatch: 'none', meaning: 'known to be down' },
  { key: 'unknown', label: 'Unknown', hatch: 'gap', meaning: 'no witness: drawn as a gap' },
];

const ALIASES: Record<string, Account> = { rendering: 'rendering_useful', idle: 'idle_no_work' };

/** The account a name stands for; rendering that is not split yet counts as useful. */
export function accountOf(name: string): AccountLook {
  const key = ALIASES[name] ?? name;
  return ACCOUNTS.find((account) => account.key === key) ?? ACCOUNTS[ACCOUNTS.length - 1]!;
}

export const accountToken = (key: Account): string => `--account-${key.replaceAll('_', '-')}`;
