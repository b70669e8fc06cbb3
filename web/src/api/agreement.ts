/**
 * The pages' own types agree with the server's: whatever they read, the server says it answers.
 *
 * Nothing is run. `tsc` fails here when a member was renamed, dropped or became another kind.
 */

import type { components } from './schema';
import type * as jobPages from './jobPages';
import type * as machines from './machines';
import type * as people from './people';
import type * as settings from './settings';
import type * as types from './types';
import type * as wrangle from './wrangle';

type Served = components['schemas'];

/** A type without the words and numbers that a text or number may be. */
type Wide<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends boolean
      ? boolean
      : T extends types.Counts
        ? Record<string, number>
        : T extends readonly (infer Item)[]
          ? Wide<Item>[]
          : T extends object
            ? { [Key in keyof T]-?: Wide<T[Key]> }
            : T;

type Agrees<Theirs extends Ours, Ours> = [Theirs, Ours];

export type Agreement = [
  Agrees<Wide<Served['Movie']>, Wide<jobPages.Movie>>,
  Agrees<Wide<Served['WorkerDetail']>, Wide<machines.WorkerDetail>>,
  Agrees<Wide<Served['Level']>, Wide<people.Level>>,
  Agrees<Wide<Served['Home']>, Wide<people.Home>>,
  Agrees<Wide<Served['UserRow']>, Wide<people.UserRow>>,
  Agrees<Wide<Served['AuditRow']>, Wide<people.AuditRow>>,
  Agrees<Wide<Served['SignInRow']>, Wide<people.SignInRow>>,
  Agrees<Wide<Served['HookRow']>, Wide<settings.HookRow>>,
  Agrees<Wide<Served['MessageRow']>, Wide<settings.MessageRow>>,
  Agrees<Wide<Served['DeliveryRow']>, Wide<settings.DeliveryRow>>,
  Agrees<Wide<Served['HookMade']>, Wide<settings.HookMade>>,
  Agrees<Wide<Served['PowerPolicy']>, Wide<settings.PowerPolicy>>,
  Agrees<Wide<Served['MachinePower']>, Wide<settings.MachinePower>>,
  Agrees<Wide<Served['Held']>, Wide<types.Held>>,
  Agrees<Wide<Served['Me']>, Wide<types.Me>>,
  Agrees<Wide<Served['JobRow']>, Wide<types.JobRow>>,
  Agrees<Wide<Served['WorkerRow']>, Wide<types.WorkerRow>>,
  Agrees<Wide<Served['FoundJobs']>, Wide<types.FoundJobs>>,
  Agrees<Wide<Served['Overview']>, Wide<types.Overview>>,
  Agrees<Wide<Served['JobDetail']>, Wide<types.JobDetail>>,
  Agrees<Wide<Served['FrameColumns']>, Wide<types.FrameColumns>>,
  Agrees<Wide<Served['Frames']>, Wide<types.JobFrames>>,
  Agrees<Wide<Served['Consequence']>, Wide<types.Consequence>>,
  Agrees<Wide<Served['Named']>, Wide<wrangle.Named>>,
  Agrees<Wide<Served['Example']>, Wide<wrangle.Example>>,
  Agrees<Wide<Served['Cluster']>, Wide<wrangle.Cluster>>,
  Agrees<Wide<Served['DeedRow']>, Wide<wrangle.DeedRow>>,
  Agrees<Wide<Served['InboxOutcome']>, Wide<wrangle.InboxOutcome>>,
];
