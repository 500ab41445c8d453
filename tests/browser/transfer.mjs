/** Download sizes of files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { gzipped } from './server.mjs';

/** The sizes of `files`, compressed as far as possible: `[{ file, raw, gzip, brotli }]`. */
export function transfer(folder, files) {
  return Promise.all(files.map(async (file) => {
    const body = await readFile(join(folder, file));
    const brotli = brotliCompressSync(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS },
    });
    return { file, raw: body.length, gzip: (await gzipped(join(folder, file), body)).length, brotli: brotli.length };
  }));
}

/** Prints them with their sum. */
export function transferTable(sizes) {
  const sum = (part) => sizes.reduce((total, size) => total + size[part], 0);
  const rows = [...sizes, { file: 'in all', raw: sum('raw'), gzip: sum('gzip'), brotli: sum('brotli') }];
  const number = (value) => value.toLocaleString('en').padStart(12);
  for (const { file, raw, gzip, brotli } of rows) console.log(`  ${file.padEnd(72)}${number(raw)}${number(gzip)}${number(brotli)}`);
}
