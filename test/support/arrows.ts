/** Reads what each source file imports and uses, and holds it against a table of rooms. Pure: files come in as text. */
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path';

/**
 * A room is a folder, or one file of a folder that has a place of its own.
 *
 * @property imports rooms that it may import, beside itself
 * @property npm packages that it may import; absent: not restricted
 * @property builtins Node's own modules that it may import; absent: not restricted
 * @property pure it has no clock, timer, randomness, process or network of its own
 */
export interface Room {
  readonly imports: readonly string[];
  readonly npm?: readonly string[];
  readonly builtins?: readonly string[];
  readonly pure?: boolean;
}

export type Rooms = Readonly<Record<string, Room>>;
/** Text of each source file by its path from the root of the project. */
export type Sources = ReadonlyMap<string, string>;

/** The room of a file: the longest key that is the file itself or a folder above it. */
export function roomOf(file: string, rooms: Rooms): string | undefined {
  const fitting = Object.keys(rooms).filter((room) => file === room || file.startsWith(`${room}/`));
  return fitting.sort((a, b) => b.length - a.length)[0];
}

/** Specifiers of imports and re-exports, types included, static and dynamic. */
export const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+)['"]([^'"\n]+)['"]/g)].map((match) => match[1] ?? '');

const resolved = (file: string, specifier: string): string => normalize(join(dirname(file), specifier));
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** Files in no room, and imports that the table does not allow. */
export function forbiddenImports(sources: Sources, rooms: Rooms): string[] {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    const name = roomOf(file, rooms);
    const room = name === undefined ? undefined : rooms[name];
    if (name === undefined || room === undefined) {
      wrong.push(`${file} is in no room`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('.')) {
        const target = roomOf(resolved(file, specifier), rooms);
        if (target !== name && (target === undefined || !room.imports.includes(target)))
          wrong.push(`${file} -> ${resolved(file, specifier)}`);
      } else if (isBuiltin(specifier)) {
        if (room.builtins?.includes(specifier) === false) wrong.push(`${file} -> ${specifier}`);
      } else if (room.npm?.includes(packageOf(specifier)) === false) wrong.push(`${file} -> ${specifier}`);
    }
  }
  return wrong;
}

/** Circles among the nodes of a graph, each named once, by its members. */
export function circles(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node) ?? 0);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(node) !== order.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle.sort().join(' <-> '));
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** Which file imports which, within the sources. */
export function fileGraph(sources: Sources): Map<string, Set<string>> {
  return new Map(
    [...sources].map(([file, text]) => [
      file,
      new Set(
        importsOf(text)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => resolved(file, specifier))
          .filter((target) => sources.has(target)),
      ),
    ]),
  );
}

/** Which room imports which, as the files really do. */
export function roomGraph(sources: Sources, rooms: Rooms): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [file, targets] of fileGraph(sources)) {
    const from = roomOf(file, rooms);
    if (from === undefined) continue;
    const arrows = graph.get(from) ?? new Set<string>();
    graph.set(from, arrows);
    for (const target of targets) {
      const to = roomOf(target, rooms);
      if (to !== undefined && to !== from) arrows.add(to);
    }
  }
  return graph;
}

/**
 * What a port hands in elsewhere. `new Date(value)`, `Date.parse` and `Date.UTC` only convert and are allowed.
 * Names after a dot are members of something that was handed in.
 */
const ambient: readonly (readonly [string, RegExp])[] = [
  ['Date.now', /\bDate\.now\b/],
  ['new Date()', /\bnew Date\(\s*\)/],
  ['performance', /(?<![.\w])performance\./],
  ['process', /(?<![.\w])process\.(?!env\b)/],
  ['process.env', /(?<![.\w])process\.env\b/],
  ['fetch', /(?<![.\w])fetch\(/],
  ['a timer', /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\b/],
  ['Math.random', /\bMath\.random\b/],
  ['random bytes', /(?<![.\w])(?:randomBytes|randomUUID|randomInt|randomFillSync|getRandomValues)\b/],
];

/** Code without comments, strings and import lines, so that words in them are not mistaken for code. */
const codeOnly = (text: string): string =>
  text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
    .replace(/^import\b[^;]*;/gm, '');

/**
 * Uses of time, randomness, process and network in rooms that are pure.
 *
 * @param exceptions reasons by file; a file named here without such a use is reported too
 */
export function ambientUses(sources: Sources, rooms: Rooms, exceptions: Readonly<Record<string, string>>): string[] {
  const wrong: string[] = [];
  const needed = new Set<string>();
  for (const [file, text] of sources) {
    const name = roomOf(file, rooms);
    if (name === undefined || rooms[name]?.pure !== true) continue;
    const code = codeOnly(text);
    const uses = ambient.filter(([, pattern]) => pattern.test(code)).map(([use]) => use);
    if (uses.length === 0) continue;
    needed.add(file);
    if (!(file in exceptions)) wrong.push(`${file} uses ${uses.join(', ')}`);
  }
  return [
    ...wrong,
    ...Object.keys(exceptions)
      .filter((file) => !needed.has(file))
      .map((file) => `${file} needs no exception`),
  ];
}
