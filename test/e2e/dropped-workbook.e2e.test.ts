/** Workbooks in the drop folder: what finance drops and finds. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inWorld, until } from './world.ts';

const rows = 4;
const workbooks = join(import.meta.dirname, '..', 'fixtures', 'workbooks');

it('a workbook of LibreOffice is paid row by row; one with a password is refused with what to do; dropped again, it pays nothing', async () => {
  await inWorld({}, async (world) => {
    const inbox = join(world.folder, 'inbox');
    mkdirSync(inbox);
    const serving = world.begin(['serve'], { INBOX_DIR: inbox, INBOX_REST: '200ms', HTTP_PORT: '0' });
    try {
      copyFileSync(join(workbooks, 'libreoffice-payouts.xlsx'), join(inbox, 'may.xlsx'));
      copyFileSync(join(workbooks, 'encrypted.xlsx'), join(inbox, 'secret.xlsx'));
      await until('the results', () => existsSync(join(inbox, 'done', 'may.xlsx.results.csv')));
      const results = readFileSync(join(inbox, 'done', 'may.xlsx.results.csv'), 'utf8');
      expect(results.match(/succeeded/g)).toHaveLength(rows);
      expect(world.sandbox.payments()).toHaveLength(rows);
      const ack = JSON.parse(readFileSync(join(inbox, 'done', 'may.xlsx.ack.json'), 'utf8')) as object;
      expect(ack).toMatchObject({ rows, valid: rows, structural: false });

      await until('the refusal', () => existsSync(join(inbox, 'refused', 'secret.xlsx.ack.txt')));
      expect(readFileSync(join(inbox, 'refused', 'secret.xlsx.ack.txt'), 'utf8')).toContain('password');

      copyFileSync(join(workbooks, 'libreoffice-payouts.xlsx'), join(inbox, 'again.xlsx'));
      await until('the second', () => readdirSync(join(inbox, 'done')).includes('again.xlsx.results.csv'));
      expect(world.sandbox.payments()).toHaveLength(rows);
    } finally {
      serving.kill('SIGTERM');
      await serving.ended;
    }
  });
});
