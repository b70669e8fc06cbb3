// Writes src/api/schema.d.ts, the shapes of what the server answers, from its OpenAPI document:
//   node dev/types.mjs openapi.json [--check]
// With --check it compares and writes nothing. `python -m tools.openapi` makes the document and calls this.
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

const target = new URL('../src/api/schema.d.ts', import.meta.url);
const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// The pages name their routes themselves; a member that has a default is there in every answer.
const tree = await openapiTS({ ...document, paths: {} }, { propertiesRequiredByDefault: true });
const settings = await resolveConfig(target);
const found = await format(astToString(tree), { ...settings, parser: 'typescript' });
if (!process.argv.includes('--check')) {
  writeFileSync(target, found);
} else if (readFileSync(target, 'utf8') !== found) {
  console.error('src/api/schema.d.ts is not what the server says: python -m tools.openapi');
  process.exit(1);
}
