/** The browser of the tests: the one that CHROMIUM names, or the first on the PATH. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Undefined where there is none on this machine. */
export function findChromium(): string | undefined {
  const { CHROMIUM: named, PATH: path = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const found = path.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  return [...(named === undefined ? [] : [named]), ...found].find((file) => existsSync(file));
}
