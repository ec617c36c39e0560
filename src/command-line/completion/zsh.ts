/** The completion of zsh. */
import type { CommandWords, FlagWords, Value } from './words.ts';

export const zshScript = (commands: readonly CommandWords[]): string => `#compdef disburse
# Completion of disburse for zsh: source <(disburse completion zsh), or a file _disburse in a folder of fpath.
_disburse() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`).join('\n')}
    'help:display help for command'
  )
  if (( CURRENT == 2 )); then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe -t commands command commands ;;
${commands.map(commandCase).join('\n')}
  esac
}
if [[ $funcstack[1] == _disburse ]]; then
  _disburse "$@"
else
  compdef _disburse disburse
fi
`;

const commandCase = ({ name, flags, argument }: CommandWords): string =>
  [`    ${name}) _arguments`, ...flags.flatMap(flagSpecs), ...argumentSpec(argument)].join(' \\\n      ') + ' ;;';

/** One specification for each spelling. */
const flagSpecs = ({ long, short, description, value }: FlagWords): readonly string[] =>
  [long, ...(short === undefined ? [] : [short])].map((name) => quoted(`${name}[${plain(description)}]${afterFlag(value)}`));

const afterFlag = (value: Value): string => (value.type === 'none' ? '' : `:value:${action(value)}`);

const argumentSpec = (value: Value): readonly string[] => (value.type === 'none' ? [] : [quoted(`1:argument:${action(value)}`)]);

function action(value: Value): string {
  switch (value.type) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    case 'text':
    case 'none':
      return ' ';
  }
}

/** Brackets and colons have a meaning in a specification. */
const plain = (text: string): string => text.replace(/[[\]:\\]/g, (sign) => `\\${sign}`);

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
