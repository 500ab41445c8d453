/** TypeScript accepts the JSDoc types of the page's scripts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the types of the page are consistent', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const compiler = join(folder, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '--project', folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
});
