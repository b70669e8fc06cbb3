/** The log of a task over REST: windows of lines, searches, errors. */

import { ApiError, ROOT, faultOf, inJob } from './client';
import type { Served } from './types';

export type LogAttempt = Served['LogAttempt'];
export type LogAbout = Served['LogAbout'];
export type LogWindow = Served['LogWindow'];
export type LogRows = Served['LogRows'];

/** A found line: its number, its text, and the class of an error. */
export type FoundLine = [...Served['FoundLines']['found'][number], (string | null)?];

export interface Found {
  found: FoundLine[];
  total: number;
  scanned: number;
}

export type Folds = Served['FoundFolds'];

/** A run of lines: first, last, and why they belong together. */
export type FoundFold = Folds['folds'][number];

/** Which log: that of an attempt of a task, the latest one by default. */
export interface LogName {
  farm: string;
  job: string;
  task: string;
  attempt: number | null;
}

type Words = Record<string, string | number | boolean>;

export function logUrl(name: LogName, part: string, words: Words = {}): string {
  const query = new URLSearchParams(
    Object.entries({
      ...(name.attempt === null ? {} : { attempt: name.attempt }),
      ...words,
    }).map(([key, value]) => [key, String(value)]),
  ).toString();
  const path = `${ROOT}${inJob(name.farm, name.job)}/tasks/${encodeURIComponent(name.task)}/log`;
  return `${path}${part}${query ? `?${query}` : ''}`;
}

async function ask(url: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(url, {
    credentials: 'same-origin',
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok) throw await faultOf(response);
  return response;
}

export const getLog = async (name: LogName, signal?: AbortSignal): Promise<LogAbout> =>
  (await (await ask(logUrl(name, ''), signal)).json()) as LogAbout;

export const getLines = async (
  name: LogName,
  first: number,
  count: number,
  signal?: AbortSignal,
): Promise<LogWindow> =>
  (await (await ask(logUrl(name, '/lines', { first, count }), signal)).json()) as LogWindow;

/** Lines by their numbers, wherever they are. */
export const getRows = async (
  name: LogName,
  numbers: number[],
  signal?: AbortSignal,
): Promise<LogRows> =>
  (await (
    await ask(logUrl(name, '/rows', { numbers: numbers.join(',') }), signal)
  ).json()) as LogRows;

/** Reads what a search finds as it finds it. */
async function follow<T>(
  url: string,
  signal: AbortSignal,
  hear: (found: T) => void,
): Promise<void> {
  const response = await ask(url, signal);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new ApiError(response.status, 'unexpected', 'No answer came.');
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const rows = (rest + value).split('\n');
    rest = rows.pop() ?? '';
    for (const row of rows) hear(JSON.parse(row) as T);
  }
}

export const searchLog = (
  name: LogName,
  asked: { sought: string; isRegex: boolean; first: number },
  signal: AbortSignal,
  hear: (found: Found) => void,
) =>
  follow(
    logUrl(name, '/search', {
      [asked.isRegex ? 'regex' : 'text']: asked.sought,
      ...(asked.first > 1 ? { first: asked.first } : {}),
    }),
    signal,
    hear,
  );

export const findErrors = (
  name: LogName,
  first: number,
  signal: AbortSignal,
  hear: (found: Found) => void,
) => follow(logUrl(name, '/errors', first > 1 ? { first } : {}), signal, hear);

export const findFolds = (
  name: LogName,
  first: number,
  signal: AbortSignal,
  hear: (found: Folds) => void,
) => follow(logUrl(name, '/folds', first > 1 ? { first } : {}), signal, hear);
