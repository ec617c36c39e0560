/** Commands that help with the others. */
import { CommandError, exitCodes } from '../../exit.ts';
import { completionScript, shells } from '../completion/script.ts';
import { declare, type Declaration } from '../declaration.ts';
import { docsFolder, docsTopics, siteFolder } from '../docs-folder.ts';
import { flag, integerOr } from '../option.ts';

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
  description: 'prints a page of the documentation, or the list of pages; serves all of them as a site with --serve',
  needs: 'none',
  options: {
    serve: flag('--serve', 'serve the documentation, with search, on 127.0.0.1 until interrupted; the URL is the first line of the output'),
    port: integerOr(0, { from: 0, to: 65_535 }, '--port <port>', 'port to serve on, 0 for any free one'),
  },
  examples: ['docs', 'docs operations | less', 'docs --serve --port 8090'],
  run: async ({ args: [topic], options }) =>
    options.serve
      ? (await import('../../commands/docs-site.ts')).serveDocs(siteFolder, options.port)
      : (await import('../../commands/docs.ts')).docs({ folder: docsFolder, topics: docsTopics() }, topic),
});
