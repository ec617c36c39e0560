/** All pages and actions of the console, by their paths. */
import type { Hono } from 'hono';
import type { ConsoleEnv } from './access/guard.ts';
import type { Notes } from './notes.ts';
import { systemPage, type SystemDeps } from './pages/system.ts';
import { page } from './routes.ts';

export type ConsoleDeps = SystemDeps;

export function addPages(app: Hono<ConsoleEnv>, notes: Notes, deps: ConsoleDeps): void {
  page(app, notes, '/system', () => systemPage(deps));
}
