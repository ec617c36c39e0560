/** Files in DATA_DIR that several rooms name. */
import { join } from 'node:path';

/** The published results of the stand-alone profile. */
export const resultsPath = (dataDir: string): string => join(dataDir, 'results.jsonl');

/** The alerts of the stand-alone profile. */
export const alertsPath = (dataDir: string): string => join(dataDir, 'alerts.jsonl');
