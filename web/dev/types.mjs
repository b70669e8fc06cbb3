// Writes src/api/schema.d.ts from web/openapi.json, if it is there. A server has it at /api/v1/openapi.json.
import { existsSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../openapi.json', import.meta.url);
if (!existsSync(source)) {
  console.log(
    'web/openapi.json is not there: nothing to do. A server has it at /api/v1/openapi.json.',
  );
} else {
  const target = new URL('../src/api/schema.d.ts', import.meta.url);
  writeFileSync(target, astToString(await openapiTS(source)));
  console.log('wrote src/api/schema.d.ts');
}
