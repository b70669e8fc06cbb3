// Writes src/api/schema.d.ts from web/openapi.json (`grange admin openapi > web/openapi.json`), if it is there.
import { existsSync, writeFileSync } from 'node:fs';
import openapiTS, { astToString } from 'openapi-typescript';

const source = new URL('../openapi.json', import.meta.url);
if (!existsSync(source)) {
  console.log('web/openapi.json is not there: nothing to do. Write it from a server first.');
} else {
  const target = new URL('../src/api/schema.d.ts', import.meta.url);
  writeFileSync(target, astToString(await openapiTS(source)));
  console.log('wrote src/api/schema.d.ts');
}
