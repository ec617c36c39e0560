/** Names for one run on shared servers, so that no run finds anything of another. */
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Meeting } from '../contenders.ts';
import type { Servers } from './servers.ts';

export function newMeeting({ place }: Bench, servers: Servers): Meeting {
  const keyFile = join(place.folder, 'ledger.key');
  if (!existsSync(keyFile)) writeFileSync(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  const name = `bench-${randomBytes(6).toString('hex')}`;
  return {
    KAFKA_BROKERS: servers.brokers,
    REDIS_URL: servers.redisUrl,
    KAFKA_TOPIC_PREFIX: name,
    KAFKA_GROUP: name,
    REDIS_PREFIX: name,
    LEDGER_KEY_FILE: keyFile,
  };
}
