/** argv to exit code: declares the commands, reads the configuration, and turns every foreseen end into a sentence. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parse } from 'dotenv';
import { readConfig, secretNames, variableNames, type Config, type Environment } from './config/config.ts';
import { parseDurationMs } from './duration.ts';
import { CommandError, exitCodes, type ExitCode } from './exit.ts';
import { maskQuoted } from '../batches/instruction/masks.ts';
import { printable } from './terminal/format.ts';
import { version } from './version.ts';

/** `GATEWAY_URL` is also `--gateway-url`. */
const flagOf = (name: string): string => `--${name.toLowerCase().replaceAll('_', '-')}`;

/** As commander parsed them; each command declares below what it takes, and its function names the shape. */
type Options = Readonly<Record<string, unknown>>;

const duration = (text: string): number => {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('Expected a number and ms, s, m, h or d, such as 15m.');
  return ms;
};

export async function main(argv: readonly string[]): Promise<ExitCode> {
  // A reader that went away (| head, a lost terminal) must not end a run in the middle: what it pays is told by the
  // ledger, not by this output.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.once('uncaughtException', leaveUnforeseen);
  process.once('unhandledRejection', leaveUnforeseen);
  let exitCode: ExitCode = exitCodes.ok;
  const program = new Command('disburse')
    .description('Pays files of payouts through the Smart Glocal gateway: every valid row at most once, every row accounted for.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(disburse COMMAND --help tells more)')
    .addHelpText(
      'after',
      `\nEvery variable of the configuration is also a flag: DATA_DIR is --data-dir. All of them: docs/configuration.md.`,
    )
    .addHelpText(
      'after',
      `\nExit codes: 0 all well, 1 usage, configuration or input, 2 some records need a look, 3 stopped before the end: run it again.`,
    );

  const command = (
    usage: string,
    description: string,
    needs: 'gateway' | 'data' | 'none',
    action: (config: Config, args: readonly string[], options: Options) => Promise<ExitCode>,
  ): Command => {
    const made = program.command(usage).description(description);
    if (needs !== 'none')
      for (const name of variableNames) if (!secretNames.has(name)) made.addOption(new Option(`${flagOf(name)} <value>`).hideHelp());
    made.action(async (...given: unknown[]) => {
      const options = given.at(-2) as Options;
      const args = given.slice(0, -2).filter((value): value is string => typeof value === 'string');
      const config = readConfig(needs === 'none' ? [{}] : [flagLayer(options), process.env, dotenvLayer()], needs);
      exitCode = await action(config, args, options);
    });
    return made;
  };

  command('validate <file>', 'checks a file without sending anything', 'data', async (config, [file = ''], options) =>
    (await import('./commands/validate.ts')).validate(config, file, options as never),
  )
    .option('--json', 'one JSON object on stdout')
    .option('--encoding <name>', 'utf-8 (default), utf-16le, utf-16be, windows-1252, iso-8859-15, …')
    .option('--delimiter <char>', 'comma, semicolon or tab; told from the header when left out')
    .option('--errors <file>', 'writes the bad rows with their errors there')
    .option('--expect <totals>', 'what the file must hold, such as EUR=12.30/3,USD=5/1 (total/rows)');

  command('run <file>', 'pays a file and follows it to the end; run it again to go on', 'gateway', async (config, [file = ''], options) =>
    (await import('./commands/run.ts')).run(config, file, options as never),
  )
    .option('--json', 'the summary as one JSON object, the last thing on stdout')
    .addOption(new Option('--policy <policy>', 'what bad rows do to the good ones').choices(['skip', 'all-or-nothing']))
    .option('--wait <duration>', 'how long to follow after the last row was sent, and to wait for the gateway (default: 15m)', duration)
    .option('--no-wait', 'ends when every row was sent')
    .option('--detach', 'distributed profile: ends when the file is handed over, and prints its batch id')
    .option('--encoding <name>', 'utf-8 (default), utf-16le, utf-16be, windows-1252, iso-8859-15, …')
    .option('--delimiter <char>', 'comma, semicolon or tab; told from the header when left out')
    .option('--expect <totals>', 'what the file must hold, such as EUR=12.30/3,USD=5/1 (total/rows)')
    .option('--results <file>', "writes every row's result as CSV for people")
    .option('--new-ledger', 'allows a new ledger for a gateway that is not on loopback')
    .option('--allow-unsafe-redis', 'distributed profile: pays although Redis is set up so that it could forget');

  command(
    'serve',
    'pays what comes by the drop folder and the instructions topic, until it is stopped',
    'gateway',
    async (config, _args, options) => (await import('./commands/serve.ts')).serve(config, options as never),
  )
    .option('--wait <duration>', 'how long a dropped file is followed before its results are written (default: 15m)', duration)
    .option('--new-ledger', 'allows a new ledger for a gateway that is not on loopback')
    .option('--allow-unsafe-redis', 'distributed profile: pays although Redis is set up so that it could forget');

  command(
    'status [batch]',
    'what became of a batch (its id, or the first 6 or more characters of it), or of all',
    'data',
    async (config, [batch], options) => (await import('./commands/status.ts')).status(config, batch, options as never),
  ).option('--json', 'the summary as one JSON object, or one a line');

  command('topics', 'makes the topics of the distributed profile and checks those that are there', 'data', async (config, _args, options) =>
    (await import('./commands/topics.ts')).topics(config, options as never),
  )
    .option('--partitions <number>', 'of each topic, when it is made', '12')
    .option('--replication <number>', 'copies of each topic, when it is made (default: 3, or as many as there are brokers)')
    .option('--json', 'the report as one JSON object');

  command(
    'dead-letters [what] [place]',
    'list, show PLACE, put-back PLACE: messages that are no instruction',
    'data',
    async (config, args, options) => (await import('./commands/dead-letters.ts')).deadLetters(config, args, options as never),
  ).option('--json', 'one JSON object a line');

  command(
    'rebuild',
    'writes the ledger in Redis anew from the results and instructions topics, after Redis lost data',
    'gateway',
    async (config, _args, options) => (await import('./commands/rebuild.ts')).rebuild(config, options as never),
  )
    .option('--yes', 'does it: what Redis still has under REDIS_PREFIX is replaced')
    .option('--allow-unsafe-redis', 'although Redis is set up so that it could forget')
    .option('--json', 'the report as one JSON object');

  command('tail', 'shows results as they come', 'data', async (config, _args, options) =>
    (await import('./commands/tail.ts')).tail(config, options as never),
  )
    .option('--follow', 'goes on at the end')
    .option('--from <where>', 'beginning, now, or a time such as 2026-11-21T08:00:00Z', 'beginning')
    .option('--status <status>', 'only this status')
    .option('--batch <batch>', 'only this batch')
    .option('--record <record>', 'only this record id')
    .option('--final', 'only final results')
    .option('--json', 'the events as they are, one a line');

  command('keys', 'makes the RSA pair that signs your calls', 'none', async (_config, _args, options) => {
    const { makeKeys } = await import('./commands/keys.ts');
    const made = await makeKeys(String(options['out']));
    process.stdout.write(`${made.privateFile}\n${made.publicFile}\n`);
    process.stderr.write('Keep private.pem to yourself (GATEWAY_PRIVATE_KEY_FILE) and give public.pem to the gateway.\n');
    return exitCodes.ok;
  }).option('--out <dir>', 'where to write them', '.');

  command('template', 'prints a CSV with one good row', 'none', async (_config, _args, options) =>
    (await import('./commands/template.ts')).template(options as never),
  )
    .option('--kind <kind>', 'payout or payment', 'payout')
    .option('--route <route>', 'which country or method; a wrong name lists them');

  command('schema <name>', 'prints the JSON Schema of instruction, result or summary', 'none', async (_config, [name = '']) =>
    (await import('./commands/schema.ts')).schema(name),
  );

  command('sandbox', 'runs a simulated gateway on 127.0.0.1', 'none', async (_config, _args, options) =>
    (await import('./commands/sandbox.ts')).sandbox(options as never),
  )
    .requiredOption('--port <port>', '0 takes any free one; the first line on stdout is the URL')
    .option('--public-key <file>', "verifies the caller's signatures with it")
    .option('--private-key <file>', 'signs webhooks with it')
    .option('--webhook-url <url>', 'where webhooks go')
    .addOption(new Option('--confirm <who>', 'whether payouts wait for session/confirm').choices(['auto', 'manual']).default('manual'))
    .option('--settle-ms <ms>', 'how long a session takes to its next step', '1000')
    .option('--seed <number>', 'makes the faults repeatable', '1')
    .option('--faults <list>', 'such as lost-answer=0.05,slow=0.05; a wrong name lists them');

  try {
    await program.parseAsync([...argv]);
    return exitCode;
  } catch (error) {
    return tellEnd(error);
  }
}

const flagLayer = (options: Options): Environment =>
  Object.fromEntries(
    variableNames.map((name) => {
      const value = options[name.toLowerCase().replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase())];
      return [name, typeof value === 'string' ? value : undefined];
    }),
  );

function dotenvLayer(): Environment {
  try {
    return parse(readFileSync('.env'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new CommandError(exitCodes.usage, `.env cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Nothing is lost: the ledger has what is durable, and the next run goes on from there. */
function leaveUnforeseen(cause: unknown): never {
  process.exit(tellEnd(cause));
}

const full = '(no room on the disk, or a limit on file sizes is reached). Nothing is lost: make room and run the same command again.';
/** Their sentences are complete too. */
const kafkaErrors: ReadonlySet<string> = new Set(['KafkaReadError', 'MissingTopicError', 'PublishError']);
/** Failures of the world around, by their code, and what to do about them. */
const fromOutside: Readonly<Record<string, string>> = {
  file_changed: 'Nothing is lost.',
  ENOSPC: full,
  EDQUOT: full,
  EFBIG: full,
  EIO: '(the disk failed). Check it and run the same command again.',
  EACCES: '(no permission). Mend the permissions and run the same command again.',
  EROFS: '(it cannot be written to). Mend that and run the same command again.',
  EMFILE: '(too many open files). Raise the limit (ulimit -n) and run the same command again.',
};

function tellEnd(error: unknown): ExitCode {
  // commander has printed its own sentence already; help and version are no mistakes.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`disburse: ${error.message}\n`);
    return error.exitCode;
  }
  // Its sentence is complete; by its name, so that a command that pays nothing loads nothing of paying.
  if (error instanceof Error && error.name === 'ResultsFileError') {
    process.stderr.write(`disburse: ${error.message}\n`);
    return exitCodes.stopped;
  }
  if (error instanceof Error && kafkaErrors.has(error.name)) {
    process.stderr.write(`disburse: ${error.message}\n`);
    return error.name === 'MissingTopicError' ? exitCodes.usage : exitCodes.stopped;
  }
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (error instanceof Error && code !== undefined && Object.hasOwn(fromOutside, code)) {
    process.stderr.write(`disburse: ${error.message} ${fromOutside[code]}\n`);
    return exitCodes.stopped;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`disburse: unforeseen, please report it: ${text.split('\n').map(printable).map(maskQuoted).join('\n')}\n`);
  return exitCodes.stopped;
}
