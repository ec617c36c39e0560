/** The completion of fish. */
import type { CommandWords, FlagWords, Value } from './words.ts';

export const fishScript = (
  commands: readonly CommandWords[],
): string => `# Completion of disburse for fish: disburse completion fish | source
complete -c disburse -f
complete -c disburse -n __fish_use_subcommand -l version -s V -d 'output the version number'
complete -c disburse -n __fish_use_subcommand -a help -d 'display help for command'
${commands.flatMap(commandLines).join('\n')}
`;

const commandLines = ({ name, description, flags, argument }: CommandWords): readonly string[] => {
  const within = `complete -c disburse -n '__fish_seen_subcommand_from ${name}'`;
  return [
    `complete -c disburse -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ...flags.map((flag) => `${within}${flagNames(flag)}${suggest(flag.value)} -d ${quoted(flag.description)}`),
    ...(argument.type === 'none' || argument.type === 'text' ? [] : [`${within}${suggest(argument).replace(/^ -r/, '')}`]),
  ];
};

const flagNames = ({ long, short }: FlagWords): string => ` -l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}`;

function suggest(value: Value): string {
  switch (value.type) {
    case 'words':
      return ` -r -f -a ${quoted(value.words.join(' '))}`;
    case 'file':
      return ' -r -F';
    case 'folder':
      return ` -r -f -a '(__fish_complete_directories)'`;
    case 'text':
      return ' -r -f';
    case 'none':
      return '';
  }
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
