import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import type { OwnFile } from '../files/output-path.ts';
import { rejectedRowsFile } from '../profiles/rejected-rows.ts';
import { rotatedResults } from '../ledger/rotated-results.ts';
import { alertsPath, ledgerFile, resultsPath } from '../ledger/data-dir.ts';

/** The files that this program lives on, by what they are for people: written over, they would be lost. */
export const ownFiles = ({ settings, dataDir }: Config): readonly OwnFile[] => [
  ...given('GATEWAY_PRIVATE_KEY_FILE', settings.GATEWAY_PRIVATE_KEY_FILE),
  ...(settings.GATEWAY_PUBLIC_KEY_FILE ?? []).flatMap((path) => given('GATEWAY_PUBLIC_KEY_FILE', path)),
  ...given('LEDGER_KEY_FILE', settings.LEDGER_KEY_FILE),
  ...['', '-wal', '-shm'].map((end) => ['the ledger', `${ledgerFile(dataDir)}${end}`] as const),
  ['the key of the ledger', join(dataDir, 'ledger.key')],
  ...[resultsPath(dataDir), ...rotatedResults(dataDir)].map((path) => ['the results of the ledger', path] as const),
  ['the alerts of the ledger', alertsPath(dataDir)],
  ['the notes about rejected rows', rejectedRowsFile(dataDir)],
  ['the configuration', '.env'],
];

const given = (what: string, path: string | undefined): readonly OwnFile[] => (path === undefined ? [] : [[what, path]]);
