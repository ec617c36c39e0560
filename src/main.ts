/** From argv to an exit code: declares the commands, reads the configuration, and reports every end in a sentence. */
import { join } from 'node:path';
import { Command } from 'commander';
import type { Invoke } from './command-line/declaration.ts';
import { declarations } from './command-line/declarations.ts';
import { docsFolder } from './command-line/docs-folder.ts';
import { exitHelp, programDescription } from './command-line/program-help.ts';
import { loadConfig } from './command-line/layers.ts';
import { watchOutput } from './command-line/output.ts';
import { reportEnd } from './command-line/report-end.ts';
import { CommandError, exitCodes, type ExitCode } from './exit.ts';
import { version } from './version.ts';

const closingHelp = `
Every configuration variable is also a flag: DATA_DIR is --data-dir. "disburse config" lists them.
Documentation: ${join(docsFolder ?? 'docs', 'configuration.md')}, operations.md and others beside it; "disburse docs" prints them.

Exit codes:
${exitHelp.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n')}`;

/** @param unusable why no command may run here, as a sentence; help and version are printed all the same */
export async function main(argv: readonly string[], unusable?: string): Promise<ExitCode> {
  // A lost terminal must not end a run: the ledger holds what was paid, not this output.
  process.stderr.on('error', () => undefined);
  const output = watchOutput(process.stdout);
  process.once('uncaughtException', leaveAtOnce);
  process.once('unhandledRejection', leaveAtOnce);
  let exitCode: ExitCode = exitCodes.ok;
  let outputFailure: ExitCode = exitCodes.usage;
  const invoke: Invoke = async (call) => {
    if (unusable !== undefined) throw new CommandError(exitCodes.usage, unusable);
    outputFailure = call.outputFailure;
    exitCode = await call.run(
      loadConfig(call.flags, call.needs, (message) => void process.stderr.write(`disburse: warning: ${message}\n`)),
    );
  };
  try {
    await program(invoke).parseAsync([...argv]);
  } catch (error) {
    exitCode = reportEnd(error);
  }
  const failure = await output.flushed();
  if (failure === undefined) return exitCode;
  const code = reportEnd(new CommandError(outputFailure, `cannot write the output: ${failure.message}`, { cause: failure }));
  // A command that had failed before keeps its own code.
  return exitCode === exitCodes.usage || exitCode === exitCodes.stopped ? exitCode : code;
}

function program(invoke: Invoke): Command {
  const root = new Command('disburse').description(programDescription).version(version).addHelpText('after', closingHelp);
  for (const declaration of declarations) root.addCommand(declaration.command(invoke));
  for (const command of [root, ...root.commands]) command.exitOverride().showHelpAfterError('Run "disburse COMMAND --help" for details');
  return root;
}

/** Nothing is lost: the ledger has what is durable, and the next run continues from there. */
function leaveAtOnce(cause: unknown): never {
  process.exit(reportEnd(cause));
}
