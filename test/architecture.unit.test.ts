/** Holds the arrows between the rooms, as CONTRIBUTING.md draws them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ambientUses, circles, fileGraph, forbiddenImports, roomGraph, roomOf, type Rooms, type Sources } from './support/arrows.ts';

const root = join(import.meta.dirname, '..');

/** The domain core does no I/O: of Node it knows hashing and bytes. */
const domain = (...imports: string[]) =>
  ({
    imports: imports.map((room) => `batches/${room}`),
    npm: ['zod', 'p-limit'],
    builtins: ['node:crypto', 'node:buffer'],
    pure: true,
  }) as const;

const beforePorts = ['fields', 'instruction', 'audit', 'gateway', 'record', 'ports/clock.ts', 'ports/random.ts'];
const beforePipeline = [...beforePorts, 'csv-row', 'event', 'preflight', 'ports'];
const everyDomainRoom = [...beforePipeline, 'pipeline', 'operations', 'reconciliation'].map((room) => `batches/${room}`);

/** Small files of `src` that anything in it may import. */
const leafs = ['src/exit.ts', 'src/duration.ts', 'src/version.ts', 'src/clock.ts', 'src/logger.ts'];
const consumerRooms = [
  'consumers',
  'consumers/csv',
  'consumers/workbook',
  'consumers/drop-folder',
  'consumers/webhook',
  'consumers/gateway-report',
  'consumers/kafka',
  'consumers/kafka/read-topic.ts',
  'consumers/kafka/group',
  'consumers/kafka/offsets',
];
const adapters = [...everyDomainRoom, ...consumerRooms, 'producers', 'producers/kafka', ...leafs];

/** Room -> what it may import. Rooms that are empty today are where coming work goes. */
const rooms: Rooms = {
  'batches/ports/clock.ts': domain(),
  'batches/ports/random.ts': domain(),
  // Lengths and structures of IBANs are data that a library keeps up to date better than we would.
  'batches/fields': { ...domain(), npm: ['ibantools'] },
  'batches/instruction': domain('fields'),
  'batches/csv-row': domain('fields', 'instruction'),
  'batches/event': domain('fields', 'instruction'),
  'batches/preflight': domain('fields', 'instruction', 'csv-row'),
  'batches/gateway': domain('fields', 'instruction'),
  'batches/record': domain('fields', 'instruction', 'audit', 'gateway', 'ports/clock.ts', 'ports/random.ts'),
  'batches/ports': domain(...beforePorts),
  'batches/audit': domain(),
  'batches/pipeline': domain(...beforePipeline),
  'batches/operations': domain(...beforePipeline, 'pipeline', 'reconciliation'),
  'batches/reconciliation': domain('fields', 'instruction', 'gateway', 'record', 'ports'),

  consumers: { imports: everyDomainRoom, pure: true },
  'consumers/csv': {
    imports: ['batches/fields', 'batches/instruction', 'batches/csv-row', 'batches/preflight'],
    npm: ['csv-parse', 'iconv-lite'],
    pure: true,
  },
  'consumers/workbook': {
    imports: ['batches/instruction', 'batches/csv-row', 'batches/preflight', 'consumers/csv'],
    pure: true,
  },
  'consumers/drop-folder': {
    imports: ['batches/ports', 'batches/ports/clock.ts', 'batches/ports/random.ts', 'batches/instruction', 'batches/pipeline'],
    npm: ['p-limit'],
    pure: true,
  },
  'consumers/webhook': { imports: everyDomainRoom, npm: [], pure: true },
  // A report is a CSV file or a workbook as any other.
  'consumers/gateway-report': { imports: [...everyDomainRoom, 'consumers/csv', 'consumers/workbook'], npm: [], pure: true },
  'consumers/kafka': { imports: ['batches/ports/clock.ts', 'batches/pipeline'], npm: ['kafkajs'], pure: true },
  'consumers/kafka/compression': { imports: ['consumers/kafka'], npm: ['kafkajs'], pure: true },
  'consumers/kafka/offsets': { imports: ['consumers/kafka', 'batches/ports/clock.ts', 'batches/pipeline'], npm: ['kafkajs'], pure: true },
  'consumers/kafka/group': {
    imports: ['consumers/kafka', 'consumers/kafka/compression', 'consumers/kafka/offsets', 'batches/ports/clock.ts', 'batches/pipeline'],
    npm: ['kafkajs', 'p-limit'],
    pure: true,
  },
  'consumers/kafka/read-topic.ts': {
    imports: ['consumers/kafka', 'consumers/kafka/group', 'consumers/kafka/offsets', 'batches/ports/clock.ts', 'batches/pipeline'],
    npm: ['kafkajs'],
    pure: true,
  },

  producers: { imports: [...everyDomainRoom, 'producers/kafka'], npm: ['undici', 'csv-stringify', 'p-limit'], pure: true },
  'producers/kafka': { imports: ['batches/ports', 'batches/ports/clock.ts', 'batches/ports/random.ts'], npm: ['kafkajs'], pure: true },

  ...Object.fromEntries(leafs.map((leaf) => [leaf, { imports: ['batches/ports/clock.ts', 'batches/instruction'] }])),
  'src/terminal': { imports: [...everyDomainRoom, ...leafs] },
  'src/config': { imports: [...everyDomainRoom, ...leafs] },
  'src/redis': { imports: [...leafs, 'batches/ports/clock.ts'] },
  'src/files': { imports: [...adapters, 'src/terminal', 'src/config'] },
  'src/ledger': { imports: [...everyDomainRoom, ...leafs], pure: true },
  'src/ledger/memory': { imports: [...everyDomainRoom, ...leafs, 'src/ledger'], pure: true },
  'src/ledger/sqlite': { imports: [...everyDomainRoom, ...leafs, 'src/ledger'], pure: true },
  'src/ledger/redis': { imports: [...everyDomainRoom, ...leafs, 'src/ledger', 'src/redis'], pure: true },
  'src/limiter': { imports: ['batches/ports', 'batches/ports/clock.ts', 'batches/ports/random.ts', ...leafs], npm: [], pure: true },
  'src/limiter/redis': {
    imports: ['batches/ports', 'batches/ports/clock.ts', 'batches/ports/random.ts', ...leafs, 'src/limiter', 'src/redis'],
    npm: ['ioredis'],
    pure: true,
  },
  'src/kafka': { imports: [...adapters, 'src/config', 'src/ledger'] },
  'src/service': { imports: [...adapters, 'src/config', 'src/files', 'src/terminal', 'src/service/http'] },
  'src/service/http': { imports: leafs, npm: ['hono', '@hono/node-server'] },
  'src/recovery': { imports: [...everyDomainRoom, ...leafs] },
  'src/tracing': { imports: ['batches/ports', 'src/config', ...leafs], npm: ['@opentelemetry/api'] },
  'src/profiles': {
    imports: [
      ...adapters,
      ...[
        'config',
        'redis',
        'files',
        'ledger',
        'ledger/sqlite',
        'ledger/redis',
        'limiter',
        'limiter/redis',
        'kafka',
        'service',
        'service/http',
        'recovery',
        'terminal',
        'tracing',
      ].map((room) => `src/${room}`),
    ],
  },
  // What commands and pages show alike, as objects.
  'src/views': { imports: [...adapters, 'src/config', 'src/files', 'src/kafka', 'src/ledger', 'src/terminal', 'src/profiles'] },
  'src/console': {
    imports: [
      ...adapters,
      ...['config', 'files', 'kafka', 'ledger', 'terminal', 'service', 'service/http', 'profiles', 'views'].map((room) => `src/${room}`),
    ],
    npm: ['hono', '@hono/node-server', 'zod', 'p-limit'],
  },
  'src/commands': {
    imports: [
      ...adapters,
      ...[
        'config',
        'redis',
        'files',
        'ledger',
        'ledger/sqlite',
        'kafka',
        'service',
        'recovery',
        'terminal',
        'profiles',
        'views',
        'console',
      ].map((room) => `src/${room}`),
      'src/schemas.ts',
    ],
  },
  // The only door into the sandbox: it is started as a command.
  'src/commands/sandbox.ts': { imports: [...leafs, 'sandbox', 'src/config', 'src/terminal', 'src/service', 'batches/gateway'] },
  'src/command-line': {
    imports: [
      'src/commands',
      'src/commands/sandbox.ts',
      'src/config',
      'src/terminal',
      'batches/fields',
      'batches/instruction',
      'batches/record',
      ...leafs,
    ],
  },
  // What the package exports to other programs.
  'src/events.ts': { imports: ['batches/event', 'batches/instruction', 'batches/record'] },
  'src/schemas.ts': { imports: ['batches/event', 'batches/record'] },
  src: { imports: ['src/command-line', 'src/config', ...leafs] },

  // A witness imports none of ours. It writes the gateway's daily report as XLSX too.
  sandbox: { imports: [], npm: ['write-excel-file'] },
  simulation: { imports: [...everyDomainRoom, 'consumers/webhook', 'src/ledger', 'src/ledger/memory', 'src/limiter'] },
};

/** Files of pure rooms that need a clock, a timer or the process themselves, and why. */
const exceptions: Readonly<Record<string, string>> = {
  'producers/exchange.ts': 'the time limit of one call ends a socket that no virtual clock can move',
  'producers/csv-file.ts': 'names of temporary files',
  'consumers/drop-folder/folders.ts': 'names of temporary files',
  'consumers/drop-folder/moves.ts': 'names of temporary files',
  'consumers/row-index.ts': 'a key that never leaves the process',
  'consumers/kafka/group/turns.ts': 'spreads a burst of records over turns of the event loop',
  'consumers/kafka/read-topic.ts': 'its consumer group is its own, and its time limits are those of a live connection',
  'src/ledger/make-key-file.ts': 'makes a key, and names a temporary file',
  'src/ledger/seal.ts': 'nonces',
  'src/ledger/redis/clock.ts': 'measures Redis TIME now and then',
  'src/ledger/redis/places.ts': 'gathers the claims of one turn of the event loop into one script',
  'src/ledger/redis/script-client.ts': 'gathers the calls of one turn of the event loop into one pipeline',
  'src/ledger/sqlite/group-commit.ts': 'gathers the calls of one turn of the event loop into one transaction',
  'src/ledger/sqlite/lock.ts': 'writes the process id beside the lock',
};

function readSources(folders: readonly string[]): Sources {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const path = join(entry.parentPath, entry.name);
      sources.set(relative(root, path), readFileSync(path, 'utf8'));
    }
  }
  return sources;
}

const sources = readSources(['batches', 'consumers', 'producers', 'sandbox', 'src']);

describe('the sources', () => {
  it('import only what the table of rooms allows', () => {
    expect(forbiddenImports(sources, rooms)).toEqual([]);
  });

  it('have no circle of files, types included', () => {
    expect(circles(fileGraph(sources))).toEqual([]);
  });

  it('have no circle of rooms', () => {
    expect(circles(roomGraph(sources, rooms))).toEqual([]);
  });

  it('take time, randomness, process and network from a port in every pure room', () => {
    expect(ambientUses(sources, rooms, exceptions)).toEqual([]);
  });

  it('read the environment only in src', () => {
    const wrong = [...sources].filter(([file, text]) => !file.startsWith('src/') && /process\.env/.test(text)).map(([file]) => file);
    expect(wrong).toEqual([]);
  });

  it('have at most ten loose files in src', () => {
    expect([...sources.keys()].filter((file) => /^src\/[^/]+$/.test(file)).length).toBeLessThanOrEqual(10);
  });

  it('have no file of more than 300 lines', () => {
    expect([...sources].filter(([, text]) => text.split('\n').length > 301).map(([file]) => file)).toEqual([]);
  });
});

describe('the table of rooms', () => {
  it('names only rooms that exist in it', () => {
    const unknown = Object.values(rooms).flatMap((room) => room.imports.filter((name) => !(name in rooms)));
    expect(unknown).toEqual([]);
  });

  it.each([
    ['batches/record/status.ts', 'batches/record'],
    ['batches/ports/clock.ts', 'batches/ports/clock.ts'],
    ['consumers/kafka/group/session.ts', 'consumers/kafka/group'],
    ['src/main.ts', 'src'],
    ['src/clock.ts', 'src/clock.ts'],
    ['docs/x.ts', undefined],
  ])('%s belongs to %s', (file, room) => {
    expect(roomOf(file, rooms)).toBe(room);
  });
});

describe('the check of the architecture', () => {
  const found = (files: Record<string, string>) => forbiddenImports(new Map(Object.entries(files)), rooms);

  it.each([
    ['an upward arrow', 'batches/fields/iban.ts', "import { x } from '../record/status.ts';"],
    ['an upward arrow of a type', 'batches/record/record.ts', "import type { Ledger } from '../ports/ledger.ts';"],
    ['a dynamic import', 'batches/pipeline/dispatch.ts', "const x = await import('../../src/main.ts');"],
    ['a re-export', 'batches/gateway/signature.ts', "export { x } from '../pipeline/dispatch.ts';"],
    ['a package outside the list', 'batches/pipeline/dispatch.ts', "import pino from 'pino';"],
    ['I/O of Node', 'batches/pipeline/dispatch.ts', "import { readFileSync } from 'node:fs';"],
    ['consumers that import producers', 'consumers/csv/rows.ts', "import { x } from '../../producers/csv-file.ts';"],
    ['a sandbox that knows the product', 'sandbox/server.ts', "import { x } from '../batches/gateway/signature.ts';"],
    ['a second door into the sandbox', 'src/commands/run.ts', "import { x } from '../../sandbox/server.ts';"],
    ['a service that imports a command', 'src/service/service.ts', "import type { X } from '../commands/serve.ts';"],
    ['a file outside of all rooms', 'elsewhere/x.ts', ''],
  ])('reports %s', (_what, file, text) => {
    expect(found({ [file]: text })).toHaveLength(1);
  });

  it('reports a circle of two files, of types too', () => {
    const files = { 'batches/fields/a.ts': "import type { B } from './b.ts';", 'batches/fields/b.ts': "import type { A } from './a.ts';" };
    expect(circles(fileGraph(new Map(Object.entries(files))))).toEqual(['batches/fields/a.ts <-> batches/fields/b.ts']);
  });

  it('reports a circle of two rooms through different files', () => {
    const files = {
      'batches/fields/a.ts': "import '../instruction/b.ts';",
      'batches/fields/c.ts': '',
      'batches/instruction/b.ts': '',
      'batches/instruction/d.ts': "import '../fields/c.ts';",
    };
    expect(circles(roomGraph(new Map(Object.entries(files)), rooms))).toEqual(['batches/fields <-> batches/instruction']);
  });

  it.each([
    ['Date.now', 'const at = Date.now();'],
    ['new Date()', 'const at = new Date();'],
    ['performance', 'const at = performance.now();'],
    ['process', 'process.exit(1);'],
    ['process.env', 'const url = process.env.URL;'],
    ['fetch', "await fetch('x');"],
    ['a timer', 'setTimeout(f, 1);'],
    ['Math.random', 'const x = Math.random();'],
    ['random bytes', 'const id = randomUUID();'],
  ])('reports %s in a pure room', (use, text) => {
    expect(ambientUses(new Map([['batches/fields/a.ts', text]]), rooms, {})).toEqual([`batches/fields/a.ts uses ${use}`]);
  });

  it('reports an exception that nothing needs', () => {
    expect(ambientUses(new Map([['batches/fields/a.ts', '']]), rooms, { 'batches/fields/a.ts': 'why' })).toHaveLength(1);
  });
});

describe('what is allowed', () => {
  it.each([
    'new Date(at).toISOString()',
    'Date.parse(text)',
    'clock.performance.now()',
    '// Date.now() in a comment',
    "const text = 'process.exit';",
  ])('accepts %s in a pure room', (text) => {
    expect(ambientUses(new Map([['batches/fields/a.ts', text]]), rooms, {})).toEqual([]);
  });
});
