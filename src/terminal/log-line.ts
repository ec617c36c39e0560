import { printable } from './format.ts';

/** A line of the log for a person at a terminal. */
export function logLine(line: string): string {
  try {
    const { level, msg } = JSON.parse(line) as { readonly level?: string; readonly msg?: string };
    return typeof msg === 'string' ? `disburse: ${level === 'info' ? '' : `${level}: `}${printable(msg)}\n` : line;
  } catch {
    return line;
  }
}
