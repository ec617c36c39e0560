/** The completion of fish. */
import type { CommandWords, FlagWords, Value } from './words.ts';

export const fishScript = (
  commands: readonly CommandWords[],
): string => `# Completion of disburse for fish: disburse completion fish | source
function __disburse_first
  test (count (commandline -opc)) -eq 1
end
function __disburse_command
  set -l words (commandline -opc)
  test (count $words) -ge 2; and test $words[2] = $argv[1]
end
complete -c disburse -f
complete -c disburse -n __disburse_first -l version -s V -d 'output the version number'
complete -c disburse -n __disburse_first -l help -s h -d 'display help for command'
complete -c disburse -n __disburse_first -a help -d 'display help for command'
complete -c disburse -n '__disburse_command help' -a '${commands.map(({ name }) => name).join(' ')}'
${commands.flatMap(commandLines).join('\n')}
`;

const commandLines = ({ name, description, flags, argument }: CommandWords): readonly string[] => {
  const within = `complete -c disburse -n '__disburse_command ${name}'`;
  return [
    `complete -c disburse -n __disburse_first -a ${name} -d ${quoted(description)}`,
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
