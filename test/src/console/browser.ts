/** A browser without a screen: keeps cookies, follows links and fills in forms, and says of itself only what a test wants. */
import { request } from 'node:http';

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  json(): unknown;
}

export type Headers = Readonly<Record<string, string>>;

export function send(url: string, method: string, headers: Headers = {}, body?: string | Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      {
        agent: false,
        method,
        headers: { ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }), ...headers },
      },
      (got) => {
        const chunks: Buffer[] = [];
        got.on('data', (chunk: Buffer) => chunks.push(chunk));
        got.on('error', reject);
        got.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: got.statusCode ?? 0, headers: got.headers, text, json: () => JSON.parse(text) as unknown });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}

export interface Browser {
  get(path: string, headers?: Headers): Promise<Answered>;
  json(path: string): Promise<unknown>;
  /** The forms of a page carry the field `csrf`; it is added. */
  post(path: string, fields?: Readonly<Record<string, string>>, headers?: Headers): Promise<Answered>;
  /** As a form that was left: the page that follows an action. */
  submit(path: string, fields?: Readonly<Record<string, string>>): Promise<Answered>;
  /** The form with a file. */
  upload(
    file: { readonly name: string; readonly content: string | Buffer },
    fields?: Readonly<Record<string, string>>,
    headers?: Headers,
  ): Promise<Answered>;
  readonly cookie: () => string;
}

const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' };
export const unescaped = (html: string): string => html.replace(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity] ?? entity);

/** What a reader sees of a page. */
export const shownText = (html: string): string =>
  unescaped(html.replace(/<(script|style|title)[^]*?<\/\1>/g, '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ');

export function openBrowser(base: string, cookie = ''): Browser {
  let kept = cookie;
  let form: string | undefined;
  const own = (headers: Headers = {}): Headers => ({ ...(kept === '' ? {} : { cookie: kept }), ...headers });
  const get = async (path: string, headers?: Headers): Promise<Answered> => {
    const got = await send(new URL(path, base).href, 'GET', own({ accept: 'text/html', ...headers }));
    const set = got.headers['set-cookie'];
    if (Array.isArray(set)) kept = set.map((one) => one.split(';')[0] ?? '').join('; ');
    return got;
  };
  const post: Browser['post'] = async (path, fields = {}, headers) => {
    form ??= /name="csrf" value="([^"]+)"/.exec((await get('/system')).text)?.[1] ?? '';
    const body = new URLSearchParams({ csrf: form, ...fields }).toString();
    const typed = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: base,
      'sec-fetch-site': 'same-origin',
      accept: 'text/html',
    };
    return send(new URL(path, base).href, 'POST', own({ ...typed, ...headers }), body);
  };
  return {
    get,
    post,
    json: async (path) => (await get(path, { accept: 'application/json' })).json(),
    async submit(path, fields) {
      const done = await post(path, fields);
      if (done.status !== 303) return done;
      return get(String(done.headers['location']));
    },
    async upload({ name, content }, fields = {}, headers = {}) {
      form ??= /name="csrf" value="([^"]+)"/.exec((await get('/system')).text)?.[1] ?? '';
      const boundary = '----browser7MA4YWxk';
      const part = (head: string, body: string | Buffer): Buffer =>
        Buffer.concat([
          Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
          Buffer.from(body),
          Buffer.from('\r\n'),
        ]);
      const named = Object.entries({ csrf: form, ...fields }).map(([field, value]) => part(`name="${field}"`, value));
      const file = part(`name="file"; filename="${name.replaceAll('"', '%22')}"\r\nContent-Type: text/csv`, content);
      const typed = {
        'content-type': `multipart/form-data; boundary=${boundary}`,
        origin: base,
        'sec-fetch-site': 'same-origin',
        accept: 'text/html',
      };
      return send(
        new URL('/upload', base).href,
        'POST',
        own({ ...typed, ...headers }),
        Buffer.concat([...named, file, Buffer.from(`--${boundary}--\r\n`)]),
      );
    },
    cookie: () => kept,
  };
}

/** Follows a login link. */
export async function logIn(link: string): Promise<Browser> {
  const { origin, pathname, search } = new URL(link);
  const browser = openBrowser(origin);
  const got = await browser.get(`${pathname}${search}`);
  if (got.status !== 200) throw new Error(`not logged in: ${got.status} ${got.text}`);
  return browser;
}
