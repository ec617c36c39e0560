/** The doors of the stand-alone profile. */
import { readAlerts, readResults } from '../../../producers/results-reader.ts';
import { loadSigner, signerIfAny } from '../../config/keys.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { loadLedgerKey } from '../../ledger/ledger-key.ts';
import { unknownResultsText } from '../../ledger/may-pay.ts';
import { nameOf } from '../../ledger/sqlite/open-existing.ts';
import { openReader } from '../../ledger/sqlite/reader.ts';
import { alertsPath, resultsPath } from '../../ledger/data-dir.ts';
import { rotatedResults } from '../../ledger/rotated-results.ts';
import { readAllResults } from './all-results.ts';
import { openSessionReader } from '../../ledger/sqlite/session-reader.ts';
import type { OperateParams, ProfileModule } from '../profile.ts';
import { openStandaloneDesk, operateStandalone } from './operate.ts';
import { auditChainOf } from '../audit-chain.ts';
import { warnUnlessLive } from '../move-ledger.ts';
import { findUnknownResults } from './unknown-results.ts';

/** Opens the ledger for commands of this process. */
async function opener(params: OperateParams) {
  const { openStandalone } = await import('./profile.ts');
  const signer = await signerIfAny(params.config);
  const settings = { ...params, signer, role: 'operate', verifier: null, patienceMs: null, detach: false } as const;
  return () => openStandalone({ ...settings, newLedger: false, allowUnsafeRedis: false });
}

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
    const open = await opener(params);
    return operateStandalone(params.config.dataDir, request, open);
  },
  async openDesk(params, changes) {
    const { dataDir } = params.config;
    const openReaders = async () => {
      const [reader, sessions] = [await openReader(dataDir), openSessionReader(dataDir)];
      const close = (): Promise<void> => reader.close().finally(() => sessions.close());
      return { ...reader, recordOfSession: sessions.recordOfSession, close };
    };
    if (changes) return openStandaloneDesk(dataDir, await opener(params), openReaders);
    const ledger = await openReaders();
    return { ledger, ask: () => Promise.reject(new TypeError('this desk only reads')), close: () => ledger.close() };
  },
  exportLedger: async (params) => (await import('./move.ts')).exportStandalone(params),
  importLedger: async (params) => (await import('./move.ts')).importStandalone(params),
  async openReader({ dataDir, settings }, onWarning) {
    const ledger = await openReader(dataDir);
    warnUnlessLive(nameOf(dataDir), ledger.moveState, onWarning);
    const unknown = await findUnknownResults({
      path: resultsPath(dataDir),
      rotated: rotatedResults(dataDir),
      published: ledger.published,
      isQuiet: false,
    });
    if (unknown !== null) onWarning(`warning: ${unknownResultsText(nameOf(dataDir), unknown)}. No process pays from it.`);
    return {
      ledger,
      auditChain: async () =>
        auditChainOf(nameOf(dataDir), await ledger.keyCheck(), loadLedgerKey({ dir: dataDir, file: settings.LEDGER_KEY_FILE })),
      close: () => ledger.close(),
    };
  },
  readEvents({ dataDir }, reading) {
    const options = { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' } as const;
    return reading.withRotated === true ? readAllResults(dataDir, options) : readResults(resultsPath(dataDir), options);
  },
  readAlerts: ({ dataDir }, reading) => readAlerts(alertsPath(dataDir), { ...reading, from: reading.from === 'now' ? 'now' : 'beginning' }),
};
