/** The completion of bash, version 3.2 or later. */
import type { CommandWords, FlagWords, Value } from './words.ts';

export const bashScript = (
  commands: readonly CommandWords[],
): string => `# Completion of disburse for bash: source <(disburse completion bash)
_disburse() {
  local IFS=$' \\t\\n' current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  COMPREPLY=()
  case $command in
    '') _disburse_words '${[...commands.map(({ name }) => name), 'help', '--help', '--version'].join(' ')}' ;;
    help) _disburse_words '${commands.map(({ name }) => name).join(' ')}' ;;
${commands.map(commandCase).join('\n')}
  esac
}
_disburse_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_disburse_paths() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$1" -- "$current"))
  compopt -o filenames 2>/dev/null || true
}
complete -F _disburse disburse
`;

function commandCase({ name, flags, argument }: CommandWords): string {
  const values = flags
    .filter(({ value }) => value.type !== 'none')
    .map((flag) => `        ${spellings(flag)}) ${suggest(flag.value)}; return ;;`);
  const words = flags.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short])).join(' ');
  return [
    `    ${name})`,
    ...(values.length === 0 ? [] : ['      case $previous in', ...values, '      esac']),
    '      case $current in',
    `        -*) _disburse_words '${words}' ;;`,
    `        *) ${suggest(argument)} ;;`,
    '      esac',
    '      ;;',
  ].join('\n');
}

const spellings = ({ long, short }: FlagWords): string => (short === undefined ? long : `${short}|${long}`);

function suggest(value: Value): string {
  switch (value.type) {
    case 'words':
      return `_disburse_words '${value.words.join(' ')}'`;
    case 'file':
      return '_disburse_paths -f';
    case 'folder':
      return '_disburse_paths -d';
    case 'text':
    case 'none':
      return ':';
  }
}
