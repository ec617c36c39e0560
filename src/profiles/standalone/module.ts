/** The doors of the stand-alone profile. */
import { readAlerts, readResults } from '../../../producers/results-reader.ts';
import { loadSigner, signerIfAny } from '../../config/keys.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { unknownResultsText } from '../../ledger/may-pay.ts';
import { nameOf } from '../../ledger/sqlite/open-existing.ts';
import { openReader } from '../../ledger/sqlite/reader.ts';
import { alertsPath, resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { readAllResults } from './all-results.ts';
import type { ProfileModule } from '../profile.ts';
import { findUnknownResults } from './unknown-results.ts';

export const standalone: ProfileModule = {
  async prepare(params) {
    const { config, logger } = params;
    if (params.detach) {
      throw new CommandError(exitCodes.usage, '--detach leaves the file to other instances, which needs the distributed profile: omit it.');
    }
    const signer = await loadSigner(config.settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
    return { open: async () => (await import('./profile.ts')).openStandalone({ ...params, signer }) };
  },
  async operate(params, request) {
    const { config } = params;
    const { openStandalone } = await import('./profile.ts');
    const { operateStandalone } = await import('./operate.ts');
    const signer = await signerIfAny(config);
    const settings = { ...params, signer, role: 'operate', verifier: null, patienceMs: null, detach: false } as const;
    return operateStandalone(config.dataDir, request, () => openStandalone({ ...settings, newLedger: false, allowUnsafeRedis: false }));
  },
  async openReader({ dataDir }, onWarning) {
    const ledger = await openReader(dataDir);
    const unknown = await findUnknownResults({
      path: resultsPath(dataDir),
      rotated: rotatedResults(dataDir),
      published: ledger.published,
      isQuiet: false,
    });
    if (unknown !== null) onWarning(`warning: ${unknownResultsText(nameOf(dataDir), unknown)}. No process pays from it.`);
    return { ledger, close: () => ledger.close() };
  },
  readEvents({ dataDir }, reading) {
    const options = { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' } as const;
    return reading.withRotated === true ? readAllResults(dataDir, options) : readResults(resultsPath(dataDir), options);
  },
  readAlerts: ({ dataDir }, reading) => readAlerts(alertsPath(dataDir), { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' }),
};
