/** What every simulated process hands to the engine, whichever profile it runs. */
import type { EngineParams } from '../batches/pipeline/engine.ts';
import type { RunSettings, World } from './world.ts';

export const engineParamsOf = (
  world: World,
  name: string,
  settings: RunSettings,
): Pick<
  EngineParams,
  'owner' | 'random' | 'settings' | 'concurrency' | 'confirm' | 'fingerprints' | 'alert' | 'onWait' | 'onBreakerChange'
> => ({
  owner: name,
  random: () => world.dice.next(),
  settings: {
    keys: world.keys,
    random: () => world.dice.next(),
    followIntervalMs: 500,
    keyLifetimeMs: settings.keyLifetimeMs,
    idempotencyHeader: settings.idempotencyHeader,
    timeoutMs: settings.timeoutMs,
    audit: world.audit,
  },
  concurrency: settings.concurrency,
  confirm: 'match',
  fingerprints: world.fingerprints,
  async alert({ alert, recordId, description }) {
    world.alerts.push(`${alert} ${recordId} ${description}`);
    world.story.tell(name, `ALERT ${alert} for ${recordId}: ${description}`);
  },
  onWait: ({ what, reason }) => world.story.tell(name, `${what} wait: ${reason.code}`),
  onBreakerChange: ({ type }) => world.story.tell(name, `breaker ${type}`),
});
