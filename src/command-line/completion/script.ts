import type { Declaration } from '../declaration.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';
import { wordsOf, type CommandWords } from './words.ts';
import { zshScript } from './zsh.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

const scripts: Readonly<Record<Shell, (commands: readonly CommandWords[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** A script that the shell reads at its start. */
export const completionScript = (shell: Shell, declarations: readonly Declaration[]): string => scripts[shell](wordsOf(declarations));
