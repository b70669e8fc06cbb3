/** What the page of a job asks beside its rows: attempts, events, movies, ETA; frames again. */

import { ROOT, faultOf, get, inJob, post } from './client';
import type { Consequence, Served, Why } from './types';

export type AttemptRow = Served['JobAttempt'];
export type JobEvent = Served['JobEvent'];
export type Movie = Served['Movie'];
export type Eta = Served['EtaAnswer'];

export const getAttempts = (
  farm: string,
  job: string,
  asked: { outcome: string; limit: number; offset: number },
) => get<Served['JobAttempts']>(`${inJob(farm, job)}/attempts`, asked);

export const getJobEvents = (farm: string, job: string, asked: { limit: number; offset: number }) =>
  get<Served['JobEvents']>(`${inJob(farm, job)}/events`, asked);

export const getMovies = async (farm: string, job: string): Promise<Movie[]> =>
  (await get<Served['Movies']>(`${inJob(farm, job)}/movies`)).movies;

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
