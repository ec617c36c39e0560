import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The pages are in the package, beside the program; undefined where somebody removed them. */
export const docsFolder = ['../..', '../../..'].map((up) => join(import.meta.dirname, up, 'docs')).find((folder) => existsSync(folder));

/** The same pages as a site, which the build makes; undefined where there was no build. */
export const siteFolder = ['../../site', '../../dist/site']
  .map((path) => join(import.meta.dirname, path))
  .find((folder) => existsSync(folder));

/** Names of the pages, without their ending. */
export const docsTopics = (): readonly string[] =>
  docsFolder === undefined
    ? []
    : readdirSync(docsFolder)
        .filter((name) => name.endsWith('.md'))
        .map((name) => name.slice(0, -'.md'.length))
        .sort();
