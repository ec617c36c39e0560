/** Files of others in the console, without a script: their columns get a mapping, and their workbooks a sheet. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { csvOf, payouts, type Row } from '../support/builders.ts';
import { zipOf } from '../consumers/gateway-report/reports.ts';
import { inlineRow, parts } from '../consumers/workbook/workbooks.ts';
import { shownText, type Answered, type Browser } from '../src/console/browser.ts';
import { beginConsole, type StartedConsole } from './console-world.ts';
import { inWorld, sha256Of, until, type World } from './world.ts';

const json = { accept: 'application/json' };
const theirNames: Readonly<Record<string, string>> = { record_id: 'Invoice No', amount: 'Betrag', currency: 'Devise' };
/** Our rows under their names, with a decimal comma. */
const theirs = (rows: readonly Row[]): string =>
  csvOf(
    rows.map((one) =>
      Object.fromEntries(
        Object.entries(one).map(([name, value]) => [theirNames[name] ?? name, name === 'amount' ? value.replace('.', ',') : value]),
      ),
    ),
    ';',
  );
const content = theirs(payouts(2));
const totals = 'EUR=3.14/2';
const bank = (one: Partial<Record<'amount' | 'decimal', string>> = {}): object => ({
  version: 1,
  columns: Object.fromEntries(
    Object.keys(payouts(1)[0] ?? {}).map((name) => [name, name === 'amount' ? (one.amount ?? 'Betrag') : (theirNames[name] ?? name)]),
  ),
  decimal: one.decimal ?? 'comma',
});

const inConsole = (work: (world: World, console: StartedConsole) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const console = await beginConsole(world);
    await work(world, console);
    expect(await console.stop()).toBe(0);
  });

const saved = (world: World): string[] =>
  existsSync(join(world.dataDir, 'mappings')) ? readdirSync(join(world.dataDir, 'mappings')).toSorted() : [];
const save = (world: World, name: string, mapping: object): void => {
  mkdirSync(join(world.dataDir, 'mappings'), { recursive: true });
  writeFileSync(join(world.dataDir, 'mappings', name), JSON.stringify(mapping));
};
const codeOf = (answered: Answered): string => (answered.json() as { error: string }).error;
const idOf = (answered: Answered): string => (answered.json() as { upload: string }).upload;

/** The fields of a form as a person finds them, with what is chosen in its lists. */
function fieldsOf(html: string, action: string): Record<string, string> {
  const form = new RegExp(`<form[^>]*action="${action}"[^]*?</form>`).exec(html)?.[0] ?? '';
  const fields: Record<string, string> = {};
  for (const [, name = '', options = ''] of form.matchAll(/<select name="([^"]+)"[^>]*>([^]*?)<\/select>/g))
    fields[name] = (/value="([^"]*)" selected/.exec(options) ?? /value="([^"]*)"/.exec(options))?.[1] ?? '';
  return fields;
}

const isPaid = async (browser: Browser, file: string | Buffer, count: number): Promise<boolean> => {
  const { state, statuses } = (await browser.json(`/batches/${sha256Of(file)}`)) as {
    state?: string;
    statuses?: { succeeded: { count: number } };
  };
  return state === 'finished' && statuses?.succeeded.count === count;
};

describe('an uploaded file with names of its own', () => {
  it('gets the mapping that is proposed, saved under a name, and is checked and paid with it', async () => {
    await inConsole(async (world, { browser }) => {
      const got = await browser.upload({ name: 'may.csv', content }, {});
      expect(got.status).toBe(422);
      const text = shownText(got.text);
      expect(text).toContain('have other names than ours');
      expect(text).toContain('It has all that each row needs.');
      const { items } = (await browser.json('/upload')) as { items: { id: string; needs_mapping: boolean }[] };
      expect(items).toMatchObject([{ needs_mapping: true, mapping: null }]);
      const action = `/upload/${items[0]?.id ?? ''}/map`;
      // The same page again, and what the command proposes.
      const page = (await browser.get(`/upload/${items[0]?.id ?? ''}`)).text;
      const { proposal } = (await browser.json(`/upload/${items[0]?.id ?? ''}`)) as { proposal: { mapping: object; whole: boolean } };
      const { stdout } = await world.command(['map', world.write('may.csv', content)]);
      expect(proposal).toEqual({ mapping: JSON.parse(stdout) as object, notes: [], whole: true });
      const fields = fieldsOf(page, action);
      expect([fields['column.0'], fields['decimal']]).toEqual(['record_id', 'comma']);
      // Until then there is nothing to hand over.
      expect((await browser.post(action.replace('map', 'submit'), { expect: totals }, json)).status).toBe(409);
      const done = await browser.submit(action, { ...fields, name: 'bank' });
      expect(shownText(done.text)).toMatch(/is read with the mapping bank.*Every row can be paid\..*mapping bank/);
      expect(saved(world)).toEqual(['bank.json']);
      const file = JSON.parse(readFileSync(join(world.dataDir, 'mappings', 'bank.json'), 'utf8')) as object;
      expect(file).toEqual(JSON.parse(stdout));
      // What was reviewed is paid, whatever becomes of the mapping of that name.
      save(world, 'bank.json', bank({ amount: 'Invoice No' }));
      await browser.post(action.replace('map', 'submit'), { expect: totals });
      await until('the end of the batch', () => isPaid(browser, content, 2));
      expect(
        world.sandbox
          .payments()
          .map(({ amount }) => amount)
          .toSorted(),
      ).toEqual([107, 207]);
    });
  });

  it('is read with a saved mapping that is chosen with it, as run --map does', async () => {
    await inConsole(async (world, { browser }) => {
      save(world, 'bank.json', bank());
      expect((await browser.get('/upload')).text).toContain('<option value="bank">bank</option>');
      const got = await browser.upload({ name: 'may.csv', content }, { map: 'bank', expect: totals }, json);
      expect(got.json()).toMatchObject({ valid: 2, totals: { EUR: { count: 2, amount: '3.14' } }, mapping: 'bank' });
      await browser.post(`/upload/${idOf(got)}/submit`, { expect: totals });
      await until('the end of the batch', () => isPaid(browser, content, 2));
    });
  });

  it('gets a saved mapping after it was uploaded without one, and keeps it', async () => {
    await inConsole(async (world, { browser }) => {
      save(world, 'bank.json', bank());
      const id = idOf(await browser.upload({ name: 'may.csv', content }, {}, json));
      expect((await browser.post(`/upload/${id}/map`, { map: 'bank' }, json)).json()).toMatchObject({ outcome: 'done', mapping: 'bank' });
      const again = await browser.post(`/upload/${id}/map`, { map: 'bank' }, json);
      expect([again.status, (again.json() as { outcome: string }).outcome]).toEqual([409, 'refused']);
      expect(await browser.json(`/upload/${id}`)).toMatchObject({ valid: 2, mapping: 'bank' });
    });
  });

  it('is completed by a person where two columns fit, and with what all rows have', async () => {
    await inConsole(async (world, { browser }) => {
      const odd = theirs(payouts(2).map((one) => ({ ...one, currency: '1,00' })))
        .replace('Betrag', 'Total')
        .replace('Devise', 'Sum');
      const got = await browser.upload({ name: 'may.csv', content: odd }, {}, json);
      const { upload, proposal } = got.json() as { upload: string; proposal: { notes: string[]; whole: boolean } };
      expect(proposal.whole).toBe(false);
      expect(proposal.notes.join(' ')).toContain('"Total" and "Sum"');
      const fields = fieldsOf((await browser.get(`/upload/${upload}`)).text, `/upload/${upload}/map`);
      const place = odd.split('\n')[0]?.split(';').indexOf('Total') ?? -1;
      const chosen = { ...fields, [`column.${place}`]: 'amount', decimal: 'comma', name: 'by hand' };
      const lacking = await browser.post(`/upload/${upload}/map`, chosen, json);
      expect([lacking.status, codeOf(lacking)]).toEqual([422, 'mapping_misfit']);
      expect(saved(world)).toEqual([]);
      const done = await browser.post(`/upload/${upload}/map`, { ...chosen, 'constant.currency': 'EUR' }, json);
      expect(done.json()).toMatchObject({ outcome: 'done' });
      expect(await browser.json(`/upload/${upload}`)).toMatchObject({ totals: { EUR: { count: 2, amount: '3.14' } } });
    });
  });

  it('keeps the totals that were typed with it: a mapping that reads others is refused, and nothing is saved', async () => {
    await inConsole(async (world, { browser }) => {
      const id = idOf(await browser.upload({ name: 'may.csv', content }, { expect: 'EUR=3.15/2' }, json));
      const fields = fieldsOf((await browser.get(`/upload/${id}`)).text, `/upload/${id}/map`);
      const got = await browser.post(`/upload/${id}/map`, { ...fields, name: 'bank' }, json);
      expect([got.status, codeOf(got)]).toEqual([422, 'mapping_misfit']);
      expect(saved(world)).toEqual([]);
    });
  });

  it('takes no mapping by a path, neither to read nor to save', async () => {
    const names = [
      '../../etc/passwd',
      '/etc/passwd',
      'a/b',
      'a\\b',
      '..',
      '.hidden',
      'bank.json',
      'a..b',
      'bank\0',
      'bänk',
      'x'.repeat(65),
    ];
    await inConsole(async (world, { browser }) => {
      writeFileSync(join(world.dataDir, '..', 'bank.json'), JSON.stringify(bank()));
      const id = idOf(await browser.upload({ name: 'may.csv', content }, {}, json));
      const fields = fieldsOf((await browser.get(`/upload/${id}`)).text, `/upload/${id}/map`);
      for (const name of names) {
        for (const given of [{ map: name }, { ...fields, name }]) {
          const got = await browser.post(`/upload/${id}/map`, given, json);
          expect([got.status, codeOf(got)], name).toEqual([422, 'wrong_name']);
        }
        expect(codeOf(await browser.upload({ name: 'x.csv', content }, { map: name }, json)), name).toBe('wrong_name');
      }
      expect(saved(world)).toEqual([]);
      expect(await browser.json('/upload')).toMatchObject({ items: [{ id }] });
    });
  });

  it('leaves a mapping that has the name as it is, and takes only one that exists and does not contradict the form', async () => {
    await inConsole(async (world, { browser }) => {
      save(world, 'bank.json', bank({ amount: 'Summe' }));
      save(world, 'broken.json', { version: 2 });
      const before = readFileSync(join(world.dataDir, 'mappings', 'bank.json'), 'utf8');
      const id = idOf(await browser.upload({ name: 'may.csv', content }, {}, json));
      const fields = fieldsOf((await browser.get(`/upload/${id}`)).text, `/upload/${id}/map`);
      const taken = await browser.post(`/upload/${id}/map`, { ...fields, name: 'bank' }, json);
      expect([taken.status, codeOf(taken)]).toEqual([409, 'name_taken']);
      expect(readFileSync(join(world.dataDir, 'mappings', 'bank.json'), 'utf8')).toBe(before);
      expect(saved(world)).toEqual(['bank.json', 'broken.json']);
      for (const [map, more, code] of [
        ['none', {}, 'no_mapping'],
        ['broken', {}, 'not_possible'],
        ['bank', { decimal: 'point' }, 'mapping_contradicts'],
      ] as const)
        expect(codeOf(await browser.upload({ name: 'x.csv', content }, { map, ...more }, json)), map).toBe(code);
      // A column that the file does not have: another mapping may do.
      const misfit = await browser.upload({ name: 'x.csv', content }, { map: 'bank' }, json);
      expect(misfit.json()).toMatchObject({ errors: [{ code: 'mapping_column_missing' }], proposal: { whole: true } });
    });
  });

  it('without a header gets no mapping and is not kept: what its first line has are no names', async () => {
    await inConsole(async (world, { browser }) => {
      const got = await browser.upload({ name: 'may.csv', content: content.split('\n').slice(1).join('\n') }, {}, json);
      expect([got.status, got.json()]).toEqual([422, expect.not.objectContaining({ proposal: expect.anything() as unknown })]);
      expect(await browser.json('/upload')).toEqual({ items: [] });
      expect(saved(world)).toEqual([]);
    });
  });

  it('is discarded like any other', async () => {
    await inConsole(async (_world, { browser }) => {
      const id = idOf(await browser.upload({ name: 'may.csv', content }, {}, json));
      expect((await browser.post(`/upload/${id}/discard`, {}, json)).json()).toMatchObject({ outcome: 'done' });
      expect(await browser.json('/upload')).toEqual({ items: [] });
    });
  });
});

describe('an uploaded workbook', () => {
  const rowsOf = (rows: readonly Row[]): string =>
    [Object.keys(rows[0] ?? {}), ...rows.map((one) => Object.values(one))].map((cells, index) => inlineRow(index + 1, ...cells)).join('');
  const made = parts(rowsOf(payouts(1, 'first')));
  const sheet = String(made['xl/sheet.xml']).replace(
    /<sheetData>.*<\/sheetData>/,
    `<sheetData>${rowsOf(payouts(3, 'second'))}</sheetData>`,
  );
  const book = zipOf({
    ...made,
    'xl/workbook.xml': String(made['xl/workbook.xml']).replace('</sheets>', '<sheet name="june" sheetId="2" r:id="r9"/></sheets>'),
    'xl/_rels/workbook.xml.rels': String(made['xl/_rels/workbook.xml.rels']).replace(
      '</Relationships>',
      '<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="/xl/june.xml"/></Relationships>',
    ),
    'xl/june.xml': sheet,
  });

  it('pays the sheet that is named, and the first one by default', async () => {
    await inConsole(async (world, { browser }) => {
      const first = await browser.upload({ name: 'may.xlsx', content: book }, {}, json);
      expect(first.json()).toMatchObject({ file: 'may.xlsx', sheet: 'pay', rows: 1 });
      await browser.post(`/upload/${idOf(first)}/discard`);
      const got = await browser.upload({ name: 'may.xlsx', content: book }, { sheet: 'june' }, json);
      expect(got.json()).toMatchObject({ sheet: 'june', rows: 3, valid: 3 });
      expect(shownText((await browser.get(`/upload/${idOf(got)}`)).text)).toContain('xlsx, sheet june');
      await browser.post(`/upload/${idOf(got)}/submit`, { expect: 'EUR=6.21/3' });
      await until('the end of the batch', () => isPaid(browser, book, 3));
      expect(
        world.sandbox
          .payments()
          .map(({ record_id: id }) => id)
          .toSorted(),
      ).toEqual(['second-1', 'second-2', 'second-3']);
    });
  });

  it('that has no such sheet, and a CSV file with one, are refused with what to do, and not kept', async () => {
    await inConsole(async (_world, { browser }) => {
      for (const file of [
        { name: 'may.xlsx', content: book },
        { name: 'may.csv', content: csvOf(payouts(1)) },
      ]) {
        const got = await browser.upload(file, { sheet: 'july' }, json);
        expect([got.status, JSON.stringify(got.json())]).toEqual([422, expect.stringMatching(/sheet/)]);
      }
      expect(await browser.json('/upload')).toEqual({ items: [] });
    });
  });
});
