/**
 * Asks queries the way the browser does, for tests: reads {zone, now, fields, rows, queries} from
 * stdin, writes for each query the ids of its rows, or the error's place and hint.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const input = fileURLToPath(new URL('../src/where/index.ts', import.meta.url));
const bundle = await rolldown({ input, logLevel: 'silent' });
const { output } = await bundle.generate({ format: 'esm' });
await bundle.close();
const url = `data:text/javascript;base64,${Buffer.from(output[0].code).toString('base64')}`;
const { parse, holds, WhereError } = await import(url);

const { zone, now, fields, rows, queries } = JSON.parse(readFileSync(0, 'utf8'));
const answers = queries.map(({ text, invert }) => {
  try {
    const test = holds(parse(text, fields, { zone, now }, invert));
    return { matches: rows.filter(test).map((row) => row.id) };
  } catch (error) {
    if (!(error instanceof WhereError)) throw error;
    return { problem: error.problem, position: error.position, hint: error.hint };
  }
});
process.stdout.write(JSON.stringify(answers));
