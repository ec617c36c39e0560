/** A world whose gateway is the witness. */
import { startWitnessGateway, type WitnessGateway, type WitnessOptions } from '../support/witness-gateway.ts';
import { inWorld, type World } from './world.ts';

export const inWitnessedWorld = (options: WitnessOptions, work: (world: World, gateway: WitnessGateway) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const gateway = await startWitnessGateway(options);
    try {
      Object.assign(world.env, { GATEWAY_URL: gateway.url, GATEWAY_KEY_LIFETIME: '12h' });
      await work(world, gateway);
    } finally {
      await gateway.close();
    }
  });
