/** What people write beside files: manifests and mappings. */
import assert from 'node:assert/strict';
import { mappingDigest, parseMapping } from '../../../batches/csv-row/mapping.ts';
import { createRowReader } from '../../../batches/csv-row/row-reader.ts';
import { compareManifest, isCompleteJson, parseManifest } from '../../../batches/pipeline/drop-folder/manifest.ts';
import type { Target } from '../target.ts';

const manifest = {
  sha256: 'ab'.repeat(32),
  bytes: 100,
  rows: 3,
  totals: { EUR: { count: 3, amount: '12.30' } },
  sequence: { source: 'erp', number: 7 },
  live: true,
  not_before: '2026-05-01T08:00:00Z',
};
const mapping = {
  version: 1,
  columns: { record_id: 'Ref', amount: 'Betrag', 'metadata.a': 'Ref' },
  constants: { currency: 'EUR', wallet_name: 'Piggy', wallet_msisdn: '+639171234567', description: 'May' },
  decimal: 'comma',
  delimiter: ';',
  date: '2026-05-01',
};
const facts = { sha256: manifest.sha256, bytes: 100, rows: 3, totals: new Map(), isLive: true };

export const statementTarget = (): Target => ({
  name: 'statement',
  share: 25,
  maxBytes: 5_000,
  seeds: [manifest, mapping, { rows: 3 }, { version: 1, columns: { record_id: 'Ref' } }].map((value) => Buffer.from(JSON.stringify(value))),
  tokens: [
    ...[...Object.keys(manifest), ...Object.keys(mapping), 'record_id', '__proto__', 'constructor'].map((name) => `"${name}":`),
    ...['1e3', '-0', '1.0', '9007199254740993', 'null', 'true', '{}', '[]', '"4242424242424242"', '"Betrag"', '\ufeff'],
  ],
  run(bytes) {
    const text = bytes.toString('utf8');
    runManifest(text);
    runMapping(text);
  },
  close: () => undefined,
});

function explained(problems: readonly string[]): void {
  assert.ok(problems.length > 0 && problems.every((problem) => problem.length > 0), 'what is refused is explained');
  assert.ok(!problems.join().includes('4242424242424242'), 'no value is shown');
}

function runManifest(text: string): void {
  const read = parseManifest(text);
  if (!read.ok) return explained(read.problems);
  assert.ok(isCompleteJson(text.replace(/^\ufeff/, '')), 'what is read is whole');
  const problems = compareManifest(read.manifest, facts);
  const { sha256, bytes, rows, totals, live } = read.manifest;
  const differs = (sha256 ?? facts.sha256) !== facts.sha256 || (bytes ?? 100) !== 100 || (rows ?? 3) !== 3 || live === false;
  const hasTotals = [...(totals ?? new Map<string, { count: number; amountMinor: bigint }>()).values()].some(
    ({ count, amountMinor }) => count > 0 || amountMinor > 0n,
  );
  assert.equal(problems.length > 0, differs || hasTotals, 'exactly what differs is a problem');
}

function runMapping(text: string): void {
  const read = parseMapping(text);
  if (!read.ok) return explained(read.problems);
  assert.equal(mappingDigest(read.mapping), mappingDigest({ ...read.mapping, date: 'x' }), 'the date changes nothing');
  const made = createRowReader(['Ref', 'Betrag', 'Other'], { now: 0, mapping: read.mapping });
  if (!made.ok) {
    assert.ok(made.problems.every(({ message }) => message.length > 0 && !message.includes('4242424242424242')));
    return;
  }
  const cells = ['inv-1', '12,30', 'x'];
  assert.equal(made.reader.read(cells).ok, made.reader.check(cells).ok, 'both readings of a row agree');
  assert.equal(made.reader.maskSecrets(cells).length, cells.length, 'a fix-file has the cells of the file');
}
