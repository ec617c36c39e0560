/**
 * XML as it comes, piece by piece. Only what parts of workbooks use: no document type and no entities of its own, so nothing
 * can be expanded and nothing is fetched.
 */
import { damaged } from './faults.ts';

export interface XmlHandler {
  /** @param name without its prefix; `depth` is 1 for the root */
  open(name: string, attributes: string, depth: number): void;
  close(name: string, depth: number): void;
  /** Text inside of the element that is open; in one piece unless there is a comment or CDATA in it. */
  text(text: string, depth: number): void;
}

/** Texts of cells have at most 32,767 characters; six of XML may stand for one. */
const maxToken = 1024 ** 2;
const maxDepth = 64;

export interface XmlReader {
  push(text: string): void;
  /** @throws StructuralError when an element is still open */
  end(): void;
}

export function createXmlReader(handler: XmlHandler): XmlReader {
  let rest = '';
  let seenRoot = false;
  const open: string[] = [];

  const element = (tag: string): void => {
    if (tag.charCodeAt(0) === 47) {
      const name = tag.slice(1).trimEnd();
      if (open.pop() !== name) throw damaged('an element is closed that is not open');
      handler.close(local(name), open.length + 1);
      return;
    }
    const isEmpty = tag.endsWith('/');
    const nameEnd = endOfName(tag);
    const name = tag.slice(0, nameEnd);
    if (name === '' || (open.length === 0 && seenRoot)) throw damaged('it is not well-formed');
    seenRoot = true;
    const attributes = tag.slice(nameEnd, isEmpty ? -1 : undefined);
    if (open.length >= maxDepth) throw damaged('its elements are nested too deep');
    const opened = local(name);
    handler.open(opened, attributes, open.length + 1);
    if (isEmpty) handler.close(opened, open.length + 1);
    else open.push(name);
  };

  const text = (raw: string): void => {
    if (open.length > 0) handler.text(decodeText(raw), open.length);
    else if (raw.trim().replace('\ufeff', '') !== '') throw damaged('it is not well-formed');
  };

  return {
    push(more) {
      const all = rest === '' ? more : rest + more;
      let at = 0;
      for (;;) {
        const start = all.indexOf('<', at);
        if (start === -1) break;
        const token = tokenAt(all, start);
        if (token === undefined) break;
        if (start > at) text(all.slice(at, start));
        if (token.is === 'element') element(all.slice(start + 1, token.end));
        else if (token.is === 'cdata' && open.length > 0) handler.text(all.slice(start + 9, token.end - 2), open.length);
        at = token.end + 1;
      }
      rest = all.slice(at);
      if (rest.length > maxToken) throw damaged('an element or a text is too long');
    },
    end() {
      if (open.length > 0 || !seenRoot || rest.trim() !== '') throw damaged('it ends too early');
    },
  };
}

/** @returns where the last character of the token is; undefined when it is not whole yet */
function tokenAt(all: string, start: number): { readonly is: 'element' | 'cdata' | 'other'; readonly end: number } | undefined {
  const next = all.charCodeAt(start + 1);
  if (next === 33) {
    if (all.startsWith('<!--', start)) return closedBy(all, '-->', start + 4, 'other');
    if (all.startsWith('<![CDATA[', start)) return closedBy(all, ']]>', start + 9, 'cdata');
    if (all.length - start < 9) return undefined;
    throw damaged('it has a document type, which workbooks do not have');
  }
  if (next === 63) return closedBy(all, '?>', start + 2, 'other');
  const end = endOfTag(all, start + 1);
  return end === -1 ? undefined : { is: 'element', end };
}

function closedBy(all: string, sign: string, from: number, is: 'cdata' | 'other') {
  const at = all.indexOf(sign, from);
  return at === -1 ? undefined : { is, end: at + sign.length - 1 };
}

/** A value may have a `>` in it. */
function endOfTag(all: string, from: number): number {
  let close = -1;
  for (let at = from; ;) {
    if (close < at) close = all.indexOf('>', at);
    if (close === -1) return -1;
    const quote = quoteBetween(all, at, close);
    if (quote === -1) return close;
    const end = all.indexOf(all[quote] as string, quote + 1);
    if (end === -1) return -1;
    at = end + 1;
  }
}

function quoteBetween(all: string, from: number, to: number): number {
  for (let at = from; at < to; at += 1) {
    const sign = all.charCodeAt(at);
    if (sign === 34 || sign === 39) return at;
  }
  return -1;
}

function endOfName(tag: string): number {
  for (let at = 0; at < tag.length; at += 1) {
    const sign = tag.charCodeAt(at);
    if (sign <= 32 || sign === 47) return at;
  }
  return tag.length;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

const attributePattern = /\s*([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;

/**
 * @param wanted names of attributes; one with a prefix is found by what follows it, after a colon: `:id`
 * @returns their values, in the order of `wanted`
 */
export function attributesOf<const N extends readonly string[]>(attributes: string, ...wanted: N): { [K in keyof N]: string | undefined } {
  const values: (string | undefined)[] = wanted.map(() => undefined);
  attributePattern.lastIndex = 0;
  for (let found = attributePattern.exec(attributes); found !== null; found = attributePattern.exec(attributes)) {
    const name = found[1] as string;
    const index = wanted.findIndex((one) => one === name || (one.startsWith(':') && name.endsWith(one)));
    if (index !== -1) values[index] = decodeText(found[2] ?? found[3] ?? '');
  }
  return values as { [K in keyof N]: string | undefined };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeText(raw: string): string {
  const text = raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw;
  return text.includes('&') ? text.replace(/&([^;&]{0,10});?/g, (_, name: string) => entity(name)) : text;
}

function entity(name: string): string {
  const known = entities[name];
  if (known !== undefined) return known;
  const digits = /^#(?:(\d{1,7})|x([0-9a-fA-F]{1,6}))$/.exec(name);
  const code = digits === null ? -1 : digits[1] === undefined ? Number.parseInt(digits[2] ?? '', 16) : Number(digits[1]);
  if (code <= 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw damaged('it has a character reference that means nothing');
  return String.fromCodePoint(code);
}

/** Spreadsheets write characters that XML does not have as `_x000D_`. */
export const unescapeText = (text: string): string =>
  text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    : text;
