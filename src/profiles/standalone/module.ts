/** The doors of the stand-alone profile. */
import { readResults } from '../../../producers/results-reader.ts';
import { loadSigner } from '../../config/keys.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { openReader } from '../../ledger/sqlite/reader.ts';
import { resultsPath } from '../data-dir.ts';
import type { ProfileModule } from '../profile.ts';

export const standalone: ProfileModule = {
  async prepare(params) {
    const { config, logger } = params;
    if (params.detach) {
      throw new CommandError(exitCodes.usage, '--detach leaves the file to other instances, which needs the distributed profile: omit it.');
    }
    const signer = await loadSigner(config.settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
    return { open: async () => (await import('./profile.ts')).openStandalone({ ...params, signer }) };
  },
  async openReader({ dataDir }) {
    const ledger = await openReader(dataDir);
    return { ledger, close: () => ledger.close() };
  },
  readEvents: ({ dataDir }, reading) =>
    readResults(resultsPath(dataDir), { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' }),
};
