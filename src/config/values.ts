/** How the text of a variable becomes its value; every message says what is expected. */
import { z } from 'zod';
import { currencyDecimals } from '../../batches/fields/currencies.ts';
import { readMajor } from '../../batches/fields/money.ts';
import { parseDurationMs } from '../duration.ts';

const loopbackHosts = new Set(['127.0.0.1', 'localhost', '[::1]']);
export const isLoopback = (url: string): boolean => {
  const { hostname } = new URL(url);
  return loopbackHosts.has(hostname) || /^127(\.\d{1,3}){3}$/.test(hostname);
};

export const gatewayUrl = z.string().transform((text, context) => {
  const fail = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return fail('expected scheme, host and port, such as https://demo.smart-glocal.com');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('expected https:// (or http:// to loopback)');
  if (url.protocol === 'http:' && !isLoopback(text)) return fail('plain http is only allowed to loopback; use https://');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return fail('expected no path: /api/v1/… is added by disburse');
  if (url.username !== '' || url.password !== '') return fail('expected no user and password in the URL');
  return url.origin;
});

export const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: 'expected a number and ms, s, m, h or d, such as 12h' });
  return z.NEVER;
});

export const integer = (least: number, most: number) =>
  z.string().transform((text, context) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    context.addIssue({ code: 'custom', message: `expected a whole number from ${least} to ${most}` });
    return z.NEVER;
  });

export const rate = z.string().transform((text, context): number | 'unlimited' => {
  if (text === 'unlimited') return text;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= 1_000_000) return value;
  context.addIssue({ code: 'custom', message: 'expected calls per second as a decimal number above 0, such as 50 or 0.5, or unlimited' });
  return z.NEVER;
});

export const maxAmounts = z.string().transform((text, context): ReadonlyMap<string, bigint> => {
  const limits = new Map<string, bigint>();
  for (const part of text.split(',')) {
    const match = /^\s*([A-Za-z]{3})=(.+?)\s*$/.exec(part);
    const currency = match?.[1]?.toUpperCase() ?? '';
    const decimals = currencyDecimals(currency);
    const amount = decimals === undefined ? undefined : readMajor(match?.[2] ?? '', decimals);
    if (amount === undefined || !amount.ok) {
      context.addIssue({ code: 'custom', message: 'expected currency and amount pairs, such as EUR=10000.00,USD=5000' });
      return z.NEVER;
    }
    limits.set(currency, amount.amountMinor);
  }
  return limits;
});

/** A key in place of the path of its file: its text must not get into an error message or a log. */
export const isKeyText = (text: string): boolean => /-----BEGIN|[\r\n]/.test(text) || /^[A-Za-z0-9+/]{43}=$/.test(text);
export const filePath = z.string().refine((text) => !isKeyText(text), 'expected the path of a file, not its contents');

/** One path or several, separated by commas. */
export const filePaths = filePath.transform((text, context): readonly string[] => {
  const paths = text.split(',').map((part) => part.trim());
  if (paths.every((path) => path !== '')) return paths;
  context.addIssue({ code: 'custom', message: 'expected the path of a file, several separated by commas' });
  return z.NEVER;
});

export const brokers = z.string().transform((text, context): readonly string[] => {
  const list = text.split(',').map((part) => part.trim());
  for (const broker of list) {
    const match = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(broker);
    if (match !== null && Number(match[1]) > 0 && Number(match[1]) <= 65_535) continue;
    context.addIssue({ code: 'custom', message: 'expected host:port, several separated by commas' });
    return z.NEVER;
  }
  return list;
});

export const kafkaName = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/, 'expected 1 to 200 of the characters A-Z a-z 0-9 . _ -');

const urlMistake = 'expected redis://host:port or rediss://user:password@host:port, or several of these: the nodes of one Redis Cluster';

/** Several URLs, comma separated, are the nodes of one cluster; a comma in a password does not end one. */
export const redisUrl = z.string().superRefine((text, context) => {
  const mistake = (message: string): void => void context.addIssue({ code: 'custom', message });
  const urls = text.split(/\s*,\s*(?=rediss?:\/\/)/).map((url) => url.trim());
  if (!urls.every(isRedisUrl)) mistake(urlMistake);
  else if (urls.length > 1 && new Set(urls.map(accountOf)).size > 1)
    mistake('expected the same protocol, user and password in all URLs, which are the nodes of one Redis Cluster');
  else if (urls.length > 1 && urls.some((url) => !/^\/?0?$/.test(new URL(url).pathname)))
    mistake('expected no database number: several URLs are the nodes of one Redis Cluster, which has only one database');
});

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname } = new URL(text);
  return (protocol === 'redis:' || protocol === 'rediss:') && hostname !== '' && /^\/?\d*$/.test(pathname);
}

function accountOf(url: string): string {
  const { protocol, username, password } = new URL(url);
  return JSON.stringify([protocol, username, password]);
}

export const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'expected the name of an HTTP header');
export const headerValue = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'expected 1 to 128 visible ASCII characters');

export const inboxRequire = z.string().transform((text, context): 'ready' | 'manifest' => {
  if (text === 'ready' || text === 'manifest') return text;
  context.addIssue({ code: 'custom', message: 'expected ready or manifest' });
  return z.NEVER;
});

export const groupName = z.string().regex(/^(?:\d{1,10}|[A-Za-z_][A-Za-z0-9._-]{0,63}\$?)$/, 'expected the name or number of a group');

/** The owner must read and write its own answers. */
export const fileMode = z.string().transform((text, context) => {
  if (/^0?[67][0-7]{2}$/.test(text)) return Number.parseInt(text, 8) & 0o666;
  context.addIssue({ code: 'custom', message: 'expected an octal file mode that lets the owner read and write, such as 0640' });
  return z.NEVER;
});

/** Of an OpenTelemetry collector; in a cluster it is often reached without TLS. */
export const collectorUrl = z.string().transform((text, context) => {
  const fail = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return fail('expected the URL of an OpenTelemetry collector, such as http://127.0.0.1:4318');
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return fail('expected https:// or http://');
  if (url.username !== '' || url.password !== '')
    return fail('expected no user and password in the URL: OTEL_EXPORTER_OTLP_HEADERS has them');
  if (url.search !== '' || url.hash !== '') return fail('expected a URL without ? and #');
  return url.href.replace(/\/$/, '');
});

/** `name=value`, several separated by commas, values percent-encoded. */
export const headerList = z.string().transform((text, context): Readonly<Record<string, string>> => {
  const headers: Record<string, string> = {};
  for (const part of text.split(',')) {
    const [, name = '', encoded = ''] = /^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*([\x20-\x7e]*?)\s*$/.exec(part) ?? [];
    const value = decoded(encoded);
    if (name !== '' && value !== undefined && /^[\x20-\x7e]*$/.test(value)) headers[name] = value;
    else context.addIssue({ code: 'custom', message: 'expected name=value, several separated by commas, values percent-encoded' });
  }
  return headers;
});

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

export const ratio = z.string().transform((text, context) => {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value <= 1) return value;
  context.addIssue({ code: 'custom', message: 'expected a number from 0 to 1, such as 0.1' });
  return z.NEVER;
});
