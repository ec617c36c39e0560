/** Commands that help with the others. */
import { CommandError, exitCodes } from '../../exit.ts';
import { completionScript, shells } from '../completion/script.ts';
import { declare, type Declaration } from '../declaration.ts';
import { docsFolder, docsTopics } from '../docs-folder.ts';

/** @param all every command, this one too */
export const completion = (all: () => readonly Declaration[]): Declaration =>
  declare({
    usage: 'completion <shell>',
    actions: () => shells,
    description: 'prints the completion of commands and options for bash, zsh or fish',
    needs: 'none',
    options: {},
    examples: ['completion bash > ~/.local/share/bash-completion/completions/disburse', 'completion fish | source'],
    async run({ args: [name = ''] }) {
      const shell = shells.find((known) => known === name);
      if (shell === undefined)
        throw new CommandError(exitCodes.usage, `no completion for ${JSON.stringify(name)}: expected one of ${shells.join(', ')}.`);
      process.stdout.write(completionScript(shell, all()));
      return exitCodes.ok;
    },
  });

export const docs = declare({
  usage: 'docs [topic]',
  actions: docsTopics,
  description: 'prints a page of the documentation, or the list of pages',
  needs: 'none',
  options: {},
  examples: ['docs', 'docs operations | less'],
  run: async ({ args: [topic] }) => (await import('../../commands/docs.ts')).docs({ folder: docsFolder, topics: docsTopics() }, topic),
});
