/** What the page of a job asks beside its rows: attempts, events, movies, ETA; frames again. */

import { ROOT, faultOf, get, inJob, post } from './client';
import type { Consequence, Instant, Why } from './types';

export interface AttemptRow {
  action_id: string;
  session_id: string;
  layer_id: string | null;
  layer_name: string | null;
  task_index: number | null;
  attempt: number | null;
  status: string;
  cause: string | null;
  frames: string | null;
  worker_id: string;
  worker: string;
  assigned_at: Instant | null;
  started_at: Instant | null;
  ended_at: Instant | null;
  exit_code: number | null;
  error_class: string | null;
  error_text: string | null;
}

export interface JobEvent {
  event_id: string;
  at: Instant;
  subject: string;
  subject_id: string;
  name: string;
  old: string | null;
  new: string | null;
  actor: string;
  number: number | null;
  worker: string | null;
  layer: string | null;
  detail: string;
}

export interface Matched {
  matched: number;
  of: number;
}

export interface Movie {
  layer_id: string;
  task_index: number;
  number: number;
  name: string;
  size: number;
}

export interface Eta {
  now: Instant;
  threads: number;
  earliest_at: Instant | null;
  likely_at: Instant | null;
  latest_at: Instant | null;
  text: string;
}

export const getAttempts = (
  farm: string,
  job: string,
  asked: { outcome: string; limit: number; offset: number },
) => get<Matched & { attempts: AttemptRow[] }>(`${inJob(farm, job)}/attempts`, asked);

export const getJobEvents = (farm: string, job: string, asked: { limit: number; offset: number }) =>
  get<Matched & { events: JobEvent[] }>(`${inJob(farm, job)}/events`, asked);

export const getMovies = async (farm: string, job: string): Promise<Movie[]> =>
  (await get<{ movies: Movie[] }>(`${inJob(farm, job)}/movies`)).movies;

export const movieUrl = (farm: string, job: string, movie: Movie) =>
  `${ROOT}${inJob(farm, job)}/movies/${encodeURIComponent(movie.layer_id)}/${movie.task_index}/${movie.number}`;

export const getEta = (farm: string, job: string) => get<Eta>(`${inJob(farm, job)}/eta`);

/** Why a job waits, as it is or with another priority and without some reasons. */
export const getWhyIf = (
  farm: string,
  job: string,
  asked: { drop: string[]; priority: number | null },
) =>
  get<Why>(`${inJob(farm, job)}/why`, {
    ...(asked.drop.length === 0 ? {} : { drop: asked.drop.join(',') }),
    ...(asked.priority === null ? {} : { priority: asked.priority }),
  });

/** Say which tasks would render frames again, or have them do it (`apply`). */
export const renderAgain = (
  farm: string,
  job: string,
  asked: { layer_id: string; frames: string; apply: boolean },
) => post<Consequence>(`${inJob(farm, job)}/frames/actions`, asked);

/** Why a picture could not be made, in the server's words. */
export async function whyNoPicture(url: string): Promise<string> {
  const response = await fetch(url, { credentials: 'same-origin' });
  return response.ok ? '' : (await faultOf(response)).message;
}
