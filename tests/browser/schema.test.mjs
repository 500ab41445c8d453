/** The JSON Schema accepts every shipped pipeline and rejects what a schema can catch. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const schema = JSON.parse(readFileSync(join(root, 'schema/pipeline.schema.json'), 'utf8'));
const validate = new Ajv({ strict: false, allErrors: false, validateFormats: false }).compile(schema);

function files(folder) {
  const all = readdirSync(join(root, folder), { recursive: true }).map(name => join(folder, name));
  return all.filter(name => name.endsWith('.yaml'));
}

const read = file => parse(readFileSync(join(root, file), 'utf8'), { merge: false });

test('every shipped pipeline is valid', () => {
  const shipped = files('pipelines').filter(file => !file.startsWith(join('pipelines', 'sweeps'))); // those vary pipelines
  assert.ok(shipped.length >= 12, `only ${shipped.length} pipelines were found`);
  for (const file of shipped) assert.ok(validate(read(file)), `${file}: ${JSON.stringify(validate.errors)}`);
});

test('what is legal but odd is valid', () => {
  for (const file of files('tests/bad/warnings')) {
    assert.ok(validate(read(file)), `${file}: ${JSON.stringify(validate.errors)}`);
  }
});

test('what a schema can catch is rejected', () => {
  const caught = [
    'typo-in-model-key', 'typo-in-train-key', 'typo-in-layer-name', 'typo-in-bare-layer', 'typo-in-layer-field',
    'unknown-data-set', 'unknown-family', 'unknown-padding-name', 'unknown-init-name', 'wrong-case-layer',
    'keras-dense', 'pytorch-out-features', 'missing-latent', 'missing-filters', 'missing-units',
    'string-for-a-number', 'negative-number', 'float-for-a-whole-number', 'two-layers-in-one-entry',
    'range-of-bytes', 'encoder-in-a-gan', 'merge-key',
  ];
  for (const name of caught) assert.ok(!validate(read(`tests/bad/${name}.yaml`)), `${name} is accepted`);
});
