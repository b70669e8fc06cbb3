import type {
  Accounts,
  ApiFault,
  Consequence,
  Farm,
  Forecast,
  FoundJobs,
  JobNumbers,
  JobFrames,
  Instant,
  JobDetail,
  Me,
  Overview,
  Receipt,
  Report,
  ReportKind,
  SavedView,
  StreamNames,
  Timeline,
  Why,
} from './types';
import type { Packed } from '../live/snapshot';

export const ROOT = '/api/v1';

/** The server's refusal, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  get isSignedOut(): boolean {
    return this.status === 401;
  }

  get isMissing(): boolean {
    return this.status === 404;
  }
}

/** Why something asked of the server did not work: in its words, if it has any. */
export const reasonOf = (error: unknown): string =>
  error instanceof ApiError ? error.message : 'The server does not answer.';

/** Turns an answer that is not a success into the error it carries. */
export async function faultOf(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ApiFault;
    return new ApiError(response.status, error.code, error.message);
  } catch {
    return new ApiError(response.status, 'unexpected', `The server answered ${response.status}.`);
  }
}

export async function get<T>(
  path: string,
  query: Record<string, string | number> = {},
): Promise<T> {
  const words = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)]),
  ).toString();
  const response = await fetch(`${ROOT}${path}${words ? `?${words}` : ''}`, {
    headers: { accept: 'application/json' },
    credentials: 'same-origin',
  });
  if (!response.ok) throw await faultOf(response);
  return (await response.json()) as T;
}

export const post = <T>(path: string, body: unknown): Promise<T> => send<T>('POST', path, body);

/**
 * A name for one request. Browsers send a request again when its connection ends without an answer,
 * whatever its method; the server knows by the name that it has done it already.
 */
function once(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${ROOT}${path}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(method === 'POST' ? { 'idempotency-key': once() } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    credentials: 'same-origin',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await faultOf(response);
  return (await response.json()) as T;
}

export const inFarm = (farm: string) => `/farms/${encodeURIComponent(farm)}`;
export const inJob = (farm: string, job: string) =>
  `${inFarm(farm)}/jobs/${encodeURIComponent(job)}`;

export const getFarms = async (): Promise<Farm[]> => (await get<{ farms: Farm[] }>('/farms')).farms;
export const getMe = () => get<Me>('/me');
export const getOverview = (farm: string) => get<Overview>(`${inFarm(farm)}/overview`);
export const getJob = (farm: string, job: string) => get<JobDetail>(inJob(farm, job));
export const getReceipt = (farm: string, job: string) =>
  get<Receipt>(`${inJob(farm, job)}/receipt`);

/** Say what an action on jobs would do, or do it (`apply`). */
export const actOnJobs = (
  farm: string,
  asked: { action: string; select: { jobs: string[] }; apply: boolean; priority?: number },
) => post<Consequence>(`${inFarm(farm)}/jobs/actions`, asked);

/** Say what an order to workers would do, or give it (`apply`). */
export const orderWorkers = (
  farm: string,
  asked: { order: string; workers: string[]; apply: boolean },
) => post<Consequence>(`${inFarm(farm)}/workers/actions`, asked);

/** All active jobs, or all workers, packed: see live/snapshot. Those of workers are always new. */
export const getSnapshot = (farm: string, of: 'jobs' | 'workers', since: number) =>
  get<Packed>(`${inFarm(farm)}/snapshots/${of}`, of === 'jobs' ? { since } : {});

export const findJobs = (
  farm: string,
  asked: { where: string; limit: number; after: string | null; sort?: string; active?: boolean },
) =>
  get<FoundJobs>(`${inFarm(farm)}/jobs`, {
    where: asked.where,
    limit: asked.limit,
    ...(asked.after === null ? {} : { after: asked.after }),
    ...(asked.sort ? { sort: asked.sort } : {}),
    ...(asked.active ? { active: 'true' } : {}),
  });

export const getJobNumbers = (farm: string) => get<JobNumbers>(`${inFarm(farm)}/jobs/numbers`);

export const getViews = async (farm: string): Promise<SavedView[]> =>
  (await get<{ views: SavedView[] }>(`${inFarm(farm)}/views`)).views;

const viewPath = (farm: string, { page, name }: { page: string; name: string }) =>
  `${inFarm(farm)}/views/${encodeURIComponent(page)}/${encodeURIComponent(name)}`;

export const putView = (farm: string, view: SavedView) =>
  send('PUT', viewPath(farm, view), { query: view.query });

export const deleteView = (farm: string, view: { page: string; name: string }) =>
  send('DELETE', viewPath(farm, view));

export const getWhy = (farm: string, job: string) => get<Why>(`${inJob(farm, job)}/why`);

/** What a report is asked: a span, how to group, a condition. */
export interface ReportQuery {
  report: string;
  start: Instant;
  end: Instant;
  by: string;
  where: string;
}

const reportPath = (farm: string, report: string) =>
  `${inFarm(farm)}/reports/${encodeURIComponent(report)}`;

const reportWords = ({ start, end, by, where }: ReportQuery): Record<string, string | number> => ({
  ...within(start, end),
  ...(by ? { by } : {}),
  ...(where ? { where } : {}),
});

export const MOST_ROWS = 1000;

export const getReport = (farm: string, asked: ReportQuery) =>
  get<Report>(reportPath(farm, asked.report), { ...reportWords(asked), limit: MOST_ROWS });

export const getReports = async (farm: string): Promise<ReportKind[]> =>
  (await get<{ reports: ReportKind[] }>(`${inFarm(farm)}/reports`)).reports;

/** Where a browser gets the whole report as a file. */
export const reportFileUrl = (farm: string, asked: ReportQuery, format: 'csv' | 'xlsx') => {
  const words = Object.entries(reportWords(asked)).map(([name, value]) => [name, String(value)]);
  return `${ROOT}${reportPath(farm, asked.report)}/${format}?${new URLSearchParams(words)}`;
};

export const getForecast = (farm: string, days: number) =>
  get<Forecast>(`${inFarm(farm)}/forecast`, { days });

/** Where a browser gets a forecast as a file. */
export const forecastFileUrl = (farm: string, days: number, format: 'csv' | 'xlsx') =>
  `${ROOT}${inFarm(farm)}/forecast/${format}?days=${days}`;

export const getFrames = (farm: string, job: string) =>
  get<JobFrames>(`${inJob(farm, job)}/frames`);

export const within = (start: Instant, end: Instant) => ({
  start: Math.round(start),
  end: Math.round(end),
});

export const getTimeline = (farm: string, start: Instant, end: Instant) =>
  get<Timeline>(`${inFarm(farm)}/timeline`, within(start, end));

export const getAccounts = (farm: string, start: Instant, end: Instant) =>
  get<Accounts>(`${inFarm(farm)}/accounts`, within(start, end));

export const getStreamNames = (farm: string, hours: number) =>
  get<StreamNames>(`${inFarm(farm)}/streams/names`, { hours });

/** Where a browser gets the graphs of streams, up to this minute. */
export const streamGraphUrl = (
  farm: string,
  asked: {
    format: 'svg' | 'png' | 'csv';
    streams: string[];
    hours: number;
    combine: boolean;
    theme: 'light' | 'dark';
    minute: number;
    width: number;
  },
) => {
  const words = new URLSearchParams({
    streams: asked.streams.join(','),
    hours: String(asked.hours),
    combine: String(asked.combine),
    theme: asked.theme,
    width: String(asked.width),
    end: String((asked.minute + 1) * 60_000),
  });
  return `${ROOT}${inFarm(farm)}/streams/graphs/streams.${asked.format}?${words}`;
};

export const eventsUrl = (farm: string) => `${ROOT}${inFarm(farm)}/events`;

export const previewUrl = (farm: string, job: string, layer: string, frame: number, width = 240) =>
  `${ROOT}${inJob(farm, job)}/preview/${encodeURIComponent(layer)}/${frame}?width=${width}`;

/** The id of a task, as the server makes it from its layer and index. */
export const taskId = (layer: string, index: number) => `task-${layer.slice(5)}-${index}`;

/** The address of the page that shows a task's log. */
export const taskLogPage = (job: string, task: string) =>
  `/jobs/${encodeURIComponent(job)}/tasks/${encodeURIComponent(task)}/log`;
