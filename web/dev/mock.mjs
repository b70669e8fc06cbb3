// A farm that does not exist, for work on the page: the REST API's answers, computed from the time.
//   npm run mock -- [--port 8765] [--at SECONDS] [--frames 24] [--signed-out]
// `--at` freezes the farm that many seconds after the job's start. Serves the built page too.
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8765' },
    at: { type: 'string' },
    frames: { type: 'string', default: '24' },
    'signed-out': { type: 'boolean', default: false },
  },
});

const STATIC = fileURLToPath(new URL('../../src/grange/server/static/', import.meta.url));
const FARM = 'farm-01a90d3c1f2e7c4b8a6f5d4e3c2b1a00';
const JOB = 'job-01a90d3c2b417f0d9c8e7f6a5b4c3d21';
const RENDER = 'step-01a90d3c2b4170aa9c8e7f6a5b4c3d22';
const ENCODE = 'step-01a90d3c2b4170bb9c8e7f6a5b4c3d23';
const WORKERS = ['oak-01', 'oak-02'].map((name, at) => ({
  name,
  id: `worker-01a90d3c0000700${at}`,
}));
const FRAMES = Number(options.frames);
const CHUNK = 4;
const ACCOUNTS = [
  'rendering_useful',
  'rendering_wasted',
  'overhead',
  'idle_no_work',
  'idle_blocked',
  'disabled',
  'off',
  'unknown',
];
const LEAD = 9_000; // from the last worker's registration to the first session

const born = Date.now();
const startedAt = options.at === undefined ? born + 3_000 : Date.parse('2026-11-22T13:02:11Z');
const nowOf = () =>
  options.at === undefined ? Date.now() : startedAt + Math.round(Number(options.at) * 1000);

/** Every chunk's attempts, laid out once on four threads. Chunk 3 fails on its first attempt. */
const attempts = layOut();

function frameMs(frame) {
  return Math.round(3_200 + 2_600 * Math.sin(frame / 5) ** 2 + ((frame * 7919) % 900));
}

function layOut() {
  const threads = WORKERS.flatMap((worker) =>
    [0, 1].map((thread) => ({ worker, thread, free: 900 })),
  );
  const found = [];
  const next = () => threads.toSorted((a, b) => a.free - b.free)[0];
  const run = (chunk, fails, attempt) => {
    const thread = next();
    const begin = thread.free + (attempt === 1 && chunk < 4 ? 2_100 + chunk * 130 : 280);
    let at = begin;
    const frames = [];
    for (
      let frame = chunk * CHUNK + 1;
      frame <= Math.min((chunk + 1) * CHUNK, FRAMES);
      frame += 1
    ) {
      const end = at + frameMs(frame);
      frames.push({ frame, start: at, end, ok: !fails || frame < chunk * CHUNK + 3 });
      at = end;
      if (fails && frame === chunk * CHUNK + 3) break;
    }
    found.push({ layer: RENDER, chunk, attempt, thread, begin, end: at + 220, fails, frames });
    thread.free = at + 220;
  };
  const chunks = Math.ceil(FRAMES / CHUNK);
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    run(chunk, chunk === 3, 1);
    if (chunk === Math.min(5, chunks - 1)) run(3, false, 2);
  }
  const done = Math.max(...found.map((attempt) => attempt.end));
  const thread = threads[0];
  found.push({
    layer: ENCODE,
    chunk: 0,
    attempt: 1,
    thread,
    begin: done + 1_300,
    end: done + 7_900,
    fails: false,
    frames: [],
  });
  return found;
}

const jobEnd = Math.max(...attempts.map((attempt) => attempt.end)) + 300;

function statusOfFrame(frame, t) {
  const chunk = Math.floor((frame - 1) / CHUNK);
  const tries = attempts.filter((a) => a.layer === RENDER && a.chunk === chunk && a.begin <= t);
  const last = tries.at(-1);
  if (last === undefined) return { status: 'READY', tries: 0 };
  const mine = last.frames.find((f) => f.frame === frame);
  const base = { worker: last.thread.worker.name, tries: tries.length };
  if (t >= last.end && last.fails) return { status: 'READY', tries: tries.length };
  const ms = mine?.ok && t >= mine.end ? mine.end - mine.start : null;
  return { status: t < last.end ? 'RUNNING' : 'SUCCEEDED', ...base, ms };
}

function frames(t) {
  const columns = {
    layer_id: [],
    frame: [],
    task_index: [],
    status: [],
    render_ms: [],
    worker: [],
    attempts: [],
    output_bytes: [],
    has_preview: [],
  };
  for (let frame = 1; frame <= FRAMES; frame += 1) {
    const state = statusOfFrame(frame, t);
    const done = state.ms != null;
    columns.layer_id.push(RENDER);
    columns.frame.push(frame);
    columns.task_index.push(Math.floor((frame - 1) / CHUNK));
    columns.status.push(state.status);
    columns.render_ms.push(state.ms ?? null);
    columns.worker.push(state.worker ?? null);
    columns.attempts.push(state.tries);
    columns.output_bytes.push(done ? 184_320 + frame * 997 : null);
    columns.has_preview.push(done);
  }
  return columns;
}

function taskStatus(layer, chunk, t) {
  const last = attempts.findLast((a) => a.layer === layer && a.chunk === chunk && a.begin <= t);
  if (layer === ENCODE && last === undefined) {
    return attempts.filter((a) => a.layer === RENDER).every((a) => a.end <= t)
      ? 'READY'
      : 'PENDING';
  }
  if (last === undefined) return 'READY';
  if (t < last.end) return 'RUNNING';
  return last.fails ? 'READY' : 'SUCCEEDED';
}

function counts(statuses) {
  const found = {};
  for (const status of statuses) found[status] = (found[status] ?? 0) + 1;
  return found;
}

function summary(statuses) {
  for (const status of ['RUNNING', 'FAILED', 'READY', 'PENDING']) {
    if (statuses.includes(status))
      return status === 'READY' && statuses.includes('SUCCEEDED') ? 'RUNNING' : status;
  }
  return 'SUCCEEDED';
}

const chunks = Array.from({ length: Math.ceil(FRAMES / CHUNK) }, (_, at) => at);

function row(now) {
  const t = now - startedAt;
  const tasks = [...chunks.map((chunk) => taskStatus(RENDER, chunk, t)), taskStatus(ENCODE, 0, t)];
  const columns = frames(t);
  return {
    job_id: JOB,
    queue_id: 'queue-1',
    name: 'harvest',
    user: 'ana',
    project: 'orchard',
    priority: 50,
    status: summary(tasks),
    counts: counts(tasks),
    tasks_total: tasks.length,
    frames_total: FRAMES,
    frames_done: columns.status.filter((status) => status === 'SUCCEEDED').length,
    created_at: startedAt - 600,
    started_at: t < 900 ? null : startedAt + 900,
    ended_at: t >= jobEnd ? startedAt + jobEnd : null,
    cost: (Math.max(Math.min(t, jobEnd), 0) * 2 * 6.9e-8).toFixed(9),
  };
}

const OLDER = [
  [
    'teapot spin',
    'ben',
    'orchard',
    'FAILED',
    { SUCCEEDED: 11, FAILED: 1 },
    48,
    44,
    9,
    '0.004120000',
  ],
  ['sh020 comp v012', 'ana', 'mill', 'SUCCEEDED', { SUCCEEDED: 60 }, 240, 240, 34, '0.021700000'],
  ['sh010 layout', 'cho', 'mill', 'CANCELED', { SUCCEEDED: 4, CANCELED: 26 }, 120, 16, 52, null],
  ['turntable', 'ben', 'unassigned', 'SUCCEEDED', { SUCCEEDED: 12 }, 96, 96, 140, '0.009900000'],
].map(([name, user, project, status, taskCounts, total, done, ago, cost], at) => ({
  job_id: `job-older-${at}`,
  queue_id: 'queue-1',
  name,
  user,
  project,
  priority: 50 - at * 10,
  status,
  counts: taskCounts,
  frames_total: total,
  frames_done: done,
  created_at: startedAt - ago * 60_000,
  started_at: startedAt - ago * 60_000 + 4_000,
  ended_at: startedAt - ago * 60_000 + 4_000 + total * 1_900,
  cost,
}));

function workers(now) {
  const t = now - startedAt;
  return WORKERS.map((worker, at) => {
    const threads = [0, 1].map((thread) => {
      const current = attempts.find(
        (a) =>
          a.thread.worker === worker && a.thread.thread === thread && a.begin <= t && t < a.end,
      );
      if (current === undefined) {
        return {
          thread,
          session_id: null,
          job_id: null,
          job_name: null,
          layer_name: null,
          frames: null,
          progress: null,
        };
      }
      const first = current.chunk * CHUNK + 1;
      return {
        thread,
        session_id: `session-${current.chunk}`,
        job_id: JOB,
        job_name: 'harvest',
        layer_name: current.layer === RENDER ? 'render' : 'encode',
        frames: current.layer === RENDER ? `${first}-${first + current.frames.length - 1}` : null,
        action: 'task_run',
        progress: Math.min(((t - current.begin) / (current.end - current.begin)) * 100, 100),
      };
    });
    const busy = threads.filter((thread) => thread.session_id !== null).length;
    return {
      worker_id: worker.id,
      fleet_id: 'fleet-1',
      name: worker.name,
      status: busy > 0 ? 'rendering' : 'idle',
      threads,
      cpu_milli: busy === 0 ? 31 + at * 8 : 430 * busy + 60 + at * 17,
      memory_used_bytes: (2.1 + busy * 0.74) * 2 ** 30,
      memory_total_bytes: 16 * 2 ** 30,
      last_seen_at: now - 900 - at * 2400,
      clock_behind_ms: at === 1 ? 7200 : 40,
    };
  });
}

function job(now) {
  const t = now - startedAt;
  const render = chunks.map((chunk) => taskStatus(RENDER, chunk, t));
  const encode = [taskStatus(ENCODE, 0, t)];
  const times = frames(t).render_ms.filter((ms) => ms !== null);
  const failed = attempts.find((a) => a.fails);
  return {
    ...row(now),
    layers: [
      {
        layer_id: RENDER,
        name: 'render',
        status: summary(render),
        counts: counts(render),
        task_count: render.length,
        frame_count: FRAMES,
        depends_on: [],
        mean_frame_ms:
          times.length === 0 ? null : Math.round(times.reduce((a, b) => a + b, 0) / times.length),
      },
      {
        layer_id: ENCODE,
        name: 'encode',
        status: encode[0],
        counts: counts(encode),
        task_count: 1,
        frame_count: 0,
        depends_on: [RENDER],
        mean_frame_ms: null,
      },
    ],
    attributes: { project: 'orchard', shot: 'sh010', app: 'Mitsuba 3', user: 'ana' },
    parameters: {
      Frames: { string: `1-${FRAMES}` },
      Width: { int: '480' },
      Height: { int: '270' },
      Samples: { int: '64' },
    },
    books_answered: true,
    errors:
      failed !== undefined && t > failed.end
        ? [
            {
              action_id: 'sessionaction-1',
              task_id: 'task-01a90d3c2b4170aa9c8e7f6a5b4c3d22-3',
              session_id: 'session-3',
              layer_id: RENDER,
              worker: failed.thread.worker.name,
              at: startedAt + failed.end,
              class: 'renderer',
              text: 'Mitsuba: frame 15: cannot open texture "bark_v3.exr": No such file or directory\n<script>alert("inert")</script>\nexit code 1',
            },
          ]
        : [],
  };
}

/** Accounts of one thread as segments up to `until`. */
function segments(worker, thread, until) {
  const found = [];
  let at = -LEAD;
  const push = (to, account) => {
    if (Math.min(to, until) > at)
      found.push([startedAt + at, startedAt + Math.min(to, until), account]);
    at = Math.max(at, to);
  };
  push(0, 'idle_no_work');
  const mine = attempts
    .filter((a) => a.thread.worker === worker && a.thread.thread === thread)
    .toSorted((a, b) => a.begin - b.begin);
  for (const attempt of mine) {
    if (attempt.layer === ENCODE) push(attempt.begin - 900, 'idle_blocked');
    push(attempt.begin, 'overhead');
    push(attempt.end - 220, attempt.fails ? 'rendering_wasted' : 'rendering_useful');
    push(attempt.end, 'overhead');
  }
  push(jobEnd, 'idle_blocked');
  push(Infinity, 'idle_no_work');
  return found;
}

function timeline(now, start, end) {
  return WORKERS.flatMap((worker) =>
    [0, 1].map((thread) => ({
      worker_id: worker.id,
      thread,
      segments: segments(worker, thread, Math.min(now, end) - startedAt).filter(
        ([, to]) => to > start,
      ),
    })),
  );
}

function accounts(now, start, end) {
  const sums = {};
  let whole = 0;
  for (const { segments: list } of timeline(now, start, end)) {
    for (const [from, to, account] of list) {
      const length = Math.min(to, end) - Math.max(from, start);
      if (length > 0) sums[account] = (sums[account] ?? 0) + length / 2;
      if (length > 0) whole += length / 2;
    }
  }
  const total = {};
  for (const key of ACCOUNTS) total[`${key}_ms`] = sums[key] ?? 0;
  const span = { start_at: start, end_at: Math.min(now, end) };
  return { span, total, workers: 2, machine_ms: whole };
}

function receipt() {
  const start = startedAt - 600;
  const end = startedAt + jobEnd;
  return {
    span: { start_at: start, end_at: end },
    machines: 2,
    seconds_each: (end - start) / 1000,
    machine_seconds: ((end - start) * 2) / 1000,
    accounts: accounts(end, start, end).total,
    unaccounted_ms: 0,
    frames: { rendered: FRAMES, failed_attempts: 1 },
    cost: {
      example: true,
      currency: 'USD',
      total: '0.005912340',
      by_layer: [
        { name: 'render', cost: '0.005455730', machine_ms: 66_120 },
        { name: 'encode', cost: '0.000456610', machine_ms: 3_300 },
      ],
      by_worker: [
        { name: 'oak-01', cost: '0.003114560', machine_ms: 36_420 },
        { name: 'oak-02', cost: '0.002797780', machine_ms: 33_000 },
      ],
    },
    slowest: {
      frame: 8,
      layer: 'render',
      render_ms: 6_412,
      worker: 'oak-02',
      why: '1.4 × the median; other programs took 22 % of the CPU meanwhile',
    },
    outputs: ['var/demo/projects/orchard/harvest/harvest.mp4'],
    wall_ms: jobEnd,
  };
}

function picture(frame) {
  const turn = (frame / FRAMES) * 200;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 270" width="480" height="270">
<defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="hsl(${205 + turn / 9} 45% 62%)"/><stop offset="1" stop-color="hsl(38 75% 84%)"/></linearGradient>
<radialGradient id="b" cx=".35" cy=".3"><stop stop-color="hsl(${20 + turn} 80% 72%)"/><stop offset="1" stop-color="hsl(${20 + turn} 70% 26%)"/></radialGradient></defs>
<rect width="480" height="270" fill="url(#s)"/><path d="M0 190Q130 ${150 + turn / 6} 250 186T480 172V270H0z" fill="hsl(92 30% 34%)"/>
<path d="M0 220Q160 195 300 222T480 214V270H0z" fill="hsl(84 34% 26%)"/>
<circle cx="${120 + turn}" cy="${150 - 40 * Math.sin((frame / FRAMES) * Math.PI)}" r="46" fill="url(#b)"/></svg>`;
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

function events(request, response) {
  response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
  let id = Number(request.headers['last-event-id'] ?? 0);
  const send = (event, data) =>
    response.write(`id: ${(id += 1)}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  response.write(': hello\n\n');
  const timer = setInterval(() => {
    if (options.at !== undefined) {
      response.write(': keep-alive\n\n');
      return;
    }
    const now = nowOf();
    send('job', row(now));
    for (const worker of workers(now)) send('worker', worker);
  }, 500);
  request.on('close', () => clearInterval(timer));
}

function api(path, query, request, response) {
  const now = nowOf();
  const json = (body, status = 200) => {
    response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (options['signed-out'])
    return json({ error: { code: 'signed_out', message: 'Sign in.' } }, 401);
  if (path === '/farms') return json({ farms: [{ farm_id: FARM, name: 'demo' }] });
  if (path === '/me')
    return json({ name: 'ana', role: 'owner', home: 'admin', has_password: true, memberships: [] });
  const inFarm = path.replace(`/farms/${FARM}`, '');
  if (inFarm === '/events') return events(request, response);
  if (inFarm === '/overview') {
    return json({
      farm: { farm_id: FARM, name: 'demo', zone: 'Europe/Berlin', currency: 'USD' },
      now,
      queues: [{ queue_id: 'queue-1', name: 'main' }],
      fleets: [{ fleet_id: 'fleet-1', name: 'desktops' }],
      jobs: [row(now), ...OLDER],
      workers: workers(now),
    });
  }
  const [start, end] = [Number(query.get('start')), Number(query.get('end'))];
  if (inFarm === '/timeline') {
    const span = { start_at: start, end_at: Math.min(now, end) };
    return json({ span, rows: timeline(now, start, end) });
  }
  if (inFarm === '/accounts') return json(accounts(now, start, end));
  if (inFarm === `/jobs/${JOB}`) return json(job(now));
  if (inFarm === `/jobs/${JOB}/frames`) {
    return json({ frames: frames(now - startedAt), books_answered: true });
  }
  if (inFarm === `/jobs/${JOB}/receipt`) return json(receipt());
  const preview = inFarm.match(/\/preview\/[^/]+\/(\d+)$/);
  if (preview) {
    response.writeHead(200, {
      ...HEADERS,
      'content-type': 'image/svg+xml',
      'cache-control': 'max-age=60',
    });
    return response.end(picture(Number(preview[1])));
  }
  return json({ error: { code: 'not_found', message: 'There is no such thing here.' } }, 404);
}

function file(path, response) {
  const wanted = join(STATIC, normalize(path));
  const found =
    wanted.startsWith(STATIC) && extname(wanted) && existsSync(wanted)
      ? wanted
      : join(STATIC, 'index.html');
  response.writeHead(200, {
    ...HEADERS,
    'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
  });
  createReadStream(found).pipe(response);
}

createServer((request, response) => {
  const url = new URL(request.url, 'http://127.0.0.1');
  if (url.pathname.startsWith('/api/v1'))
    api(url.pathname.slice(7), url.searchParams, request, response);
  else file(url.pathname, response);
}).listen(Number(options.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${options.port}/`);
});
