/** The documentation as a site: complete, without dead links, with nothing from another place. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, relative } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSite } from '../../scripts/docs-site/build-site.ts';
import { renderMarkdown } from '../../scripts/docs-site/markdown.ts';
import { serveDocs } from '../../src/commands/docs-site.ts';
import { disburse } from '../support/cli.ts';
import { page, pageNames, root } from './pages.ts';

const out = mkdtempSync(join(tmpdir(), 'disburse-site-'));
let written: readonly string[] = [];
beforeAll(() => {
  written = buildSite({ root, out });
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

const read = (path: string): string => readFileSync(join(out, path), 'utf8');
const html = (): readonly string[] => written.filter((path) => path.endsWith('.html'));
const attributes = (text: string, name: string): readonly string[] =>
  [...text.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value = '']) => value);
const idsOf = (path: string): ReadonlySet<string> => new Set(attributes(read(path), 'id'));

describe('the site of the documentation', () => {
  it('has a page of every Markdown file, and nothing that it does not list', () => {
    expect(html()).toHaveLength(pageNames.length + 1);
    const there = readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(out, join(entry.parentPath, entry.name)));
    expect(there.toSorted()).toEqual([...written].toSorted());
  });

  it('has no link that leads nowhere, and no heading id twice on a page', () => {
    const dead: string[] = [];
    for (const path of html()) {
      const ids = attributes(read(path), 'id');
      expect(new Set(ids).size, path).toBe(ids.length);
      for (const target of [...attributes(read(path), 'href'), ...attributes(read(path), 'src')]) {
        if (/^(?:https?|mailto):/.test(target)) continue;
        const [file = '', anchor] = target.replaceAll('&#39;', "'").split('#');
        const place = file === '' ? path : posix.join(dirname(path), file);
        const isThere = written.includes(place) && statSync(join(out, place)).isFile();
        if (!isThere || (anchor !== undefined && place.endsWith('.html') && !idsOf(place).has(anchor))) dead.push(`${path}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  it('loads nothing from another place and has no script, style or handler inside a page', () => {
    for (const path of html()) {
      const text = read(path);
      expect(attributes(text, 'src').filter((one) => /^[a-z]+:|^\/\//.test(one))).toEqual([]);
      expect([...text.matchAll(/<link [^>]*href="([^"]*)"/g)].filter(([, href = '']) => /^[a-z]+:|^\/\//.test(href))).toEqual([]);
      expect(text.match(/<script(?![^>]* src=)|<style|<[^>]+ on[a-z]+="|<[^>]+ style="|<iframe|javascript:/)).toBeNull();
      expect(text).toContain('http-equiv="content-security-policy" content="default-src \'none\';');
    }
    expect(read('style.css')).not.toMatch(/url\(|@import/);
    expect(read('search.js')).not.toMatch(/innerHTML|eval\(|https?:/);
  });

  it('has every section of every page in the search index, under an address that exists', () => {
    const entries = JSON.parse(read('search.json')) as readonly (readonly [string, string, string, string])[];
    for (const [address] of entries) {
      const [path = '', anchor] = address.split('#');
      expect(written, address).toContain(path);
      if (anchor !== undefined) expect(idsOf(path).has(anchor), address).toBe(true);
    }
    const headings = html().reduce((sum, path) => sum + (read(path).match(/<h[1-6] id=/g)?.length ?? 0), 0);
    expect(entries).toHaveLength(headings);
    expect(entries.find(([address]) => address === 'operations.html#traces')?.[3]).toContain('OpenTelemetry');
  });

  it('has no page with HTML of its own, which would be shown as text', () => {
    for (const name of pageNames) {
      const code = /```[\s\S]*?```|`[^`\n]*`|<!--[\s\S]*?-->/g;
      expect(
        page(name)
          .replaceAll(code, '')
          .match(/<\/?[a-z][^>]*>/gi),
        name,
      ).toBeNull();
    }
  });

  it('keeps the text of a page whole: every word of its code and tables is in the HTML', () => {
    const plain = read('configuration.html')
      .replaceAll(/<[^>]+>/g, '')
      .replaceAll('&#39;', "'")
      .replaceAll('&quot;', '"')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
    const codes = [...readFileSync(join(root, 'docs/configuration.md'), 'utf8').matchAll(/`([^`\s|](?:[^`\n|]*[^`\s|])?)`/g)].map(
      ([, code = '']) => code,
    );
    expect(codes.filter((code) => !plain.includes(code))).toEqual([]);
  });
});

describe('the rendering of Markdown', () => {
  const render = (text: string): string => renderMarkdown(text, (target) => target).html;

  it('escapes everything that a page quotes', () => {
    expect(render('a < b & `<img src=x>` [x"y](a.md)')).toBe(
      '<p>a &lt; b &amp; <code>&lt;img src=x&gt;</code> <a href="a.md">x&quot;y</a></p>',
    );
    expect(render('```\n</code><script>\n```')).toBe('<pre tabindex="0"><code>&lt;/code&gt;&lt;script&gt;</code></pre>');
  });

  it('shows HTML as it is written, never as HTML, and leaves out comments', () => {
    expect(render('a <b onclick="x">c</b>')).toBe('<p>a &lt;b onclick=&quot;x&quot;&gt;c&lt;/b&gt;</p>');
    expect(render('<script>x</script>')).toBe('<p>&lt;script&gt;x&lt;/script&gt;</p>');
    expect(render('<!-- note -->\n\ntext')).toBe('\n<p>text</p>');
  });

  it('gives a heading that occurs twice an id of its own, as GitHub does', () => {
    expect(render('# A b\n\n## Same, here\n\n## Same, here').match(/id="[^"]+"/g)).toEqual([
      'id="a-b"',
      'id="same-here"',
      'id="same-here-1"',
    ]);
  });

  it('keeps a link whose target is not on the site as text', () => {
    expect(renderMarkdown('[a](b/)', () => undefined).html).toBe('<p>a</p>');
  });
});

describe('disburse docs --serve', () => {
  it('serves pages, style, script and index with a content security policy, and nothing outside of the site', async () => {
    const server = spawn(
      process.execPath,
      ['-e', `import(${JSON.stringify(join(root, 'src/commands/docs-site.ts'))}).then((m) => m.serveDocs(${JSON.stringify(out)}, 0))`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      const url = await new Promise<string>((resolve) => server.stdout.once('data', (data: Buffer) => resolve(String(data).trim())));
      const types = { '': 'text/html', 'operations.html': 'text/html', 'style.css': 'text/css', 'search.js': 'text/javascript' };
      for (const [path, type] of Object.entries({
        ...types,
        'search.json': 'application/json',
        'files/docs/asyncapi.yaml': 'text/plain',
      })) {
        const answer = await fetch(`${url}${path}`);
        expect({ path, status: answer.status }).toEqual({ path, status: 200 });
        expect(answer.headers.get('content-type')).toContain(type);
        expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
        await answer.arrayBuffer();
      }
      for (const path of ['..%2fpackage.json', '%2e%2e/package.json', 'nothing.html', '/etc/passwd'])
        expect((await fetch(`${url}${path}`)).status, path).toBe(404);
      expect((await fetch(url, { method: 'POST' })).status).toBe(405);
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      expect(await ended).toBe(0);
    } finally {
      server.kill('SIGKILL');
    }
  });

  it('without the site says what is missing, and with a port in use which one', async () => {
    await expect(serveDocs(undefined, 0)).rejects.toThrow('the folder site is missing beside the program');
    expect((await disburse(['docs', '--serve', '--port', '70000'])).stderr).toContain('Expected a whole number from 0 to 65535');
  });
});
