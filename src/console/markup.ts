/**
 * Text to HTML. Everything that is put into a template is escaped, and signs that hide text or turn its direction are
 * replaced by their code points: what comes from a file cannot be anything but text on a page.
 */
import { html } from 'hono/html';
import { printable } from '../terminal/format.ts';

/** Text that is HTML already. */
export type Markup = Extract<Awaited<ReturnType<typeof html>>, object>;

export type Piece = string | number | Markup | null | undefined | false | readonly Piece[];

export const markup = (strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup => html(strings, ...pieces.map(inert)) as Markup;

function inert(piece: Piece): unknown {
  if (typeof piece === 'string') return printable(piece);
  return isList(piece) ? piece.map(inert) : piece;
}

const isList = (piece: Piece): piece is readonly Piece[] => Array.isArray(piece);

/**
 * A path, with each part encoded: `at('records', 'inv/7')`. Browsers take `.` and `..` for folders, encoded or not, and `--all`
 * names everything: such an id has `~` in front of it, and so has one that would be read as that.
 */
export const at = (...parts: readonly string[]): string =>
  `/${parts.map((part) => `${/^~*(?:\.{1,2}|--all)$/.test(part) ? '~' : ''}${encodeURIComponent(part.toWellFormed())}`).join('/')}`;

/** The id that a part of a path names, decoded already. */
export const idOf = (part: string): string => (/^~+(?:\.{1,2}|--all)$/.test(part) ? part.slice(1) : part);
