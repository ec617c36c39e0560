/** Webhooks over HTTP: `serve` takes them beside health and metrics, `run` on an address of its own. */
import type { WebhookReceiver } from '../../consumers/webhook/webhook-receiver.ts';
import type { Logger } from '../logger.ts';
import { startHttp, type HttpServer } from './http/server.ts';
import type { RouteOptions } from './http/routes.ts';
import type { Metrics } from './metrics.ts';

export interface WebhookLog {
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'webhook'>;
}

/** What answers webhooks; without a receiver there is no public key, and none is accepted. */
export const webhookRoute = (
  receiver: WebhookReceiver | null,
  { logger, metrics }: WebhookLog,
): Pick<RouteOptions, 'webhook' | 'onLargeWebhook'> => ({
  async webhook({ headers, body: bytes }) {
    if (receiver === null) {
      metrics?.webhook('unverified', 'unavailable');
      return noPublicKey;
    }
    const signature = headers['x-partner-sign'];
    const { status, body, type, outcome } = await receiver.receive(bytes, typeof signature === 'string' ? signature : undefined);
    metrics?.webhook(type, outcome);
    if (status === 200) logger.debug({ type, outcome }, 'webhook');
    else logger.warn({ type, outcome, status }, 'a webhook was refused');
    return { status, body };
  },
  onLargeWebhook() {
    metrics?.webhook('unverified', 'too_large');
    logger.warn({ outcome: 'too_large', status: 413 }, 'a webhook was refused');
  },
});

/** An unverified webhook could say anything. */
const noPublicKey = {
  status: 503,
  body: {
    error: 'webhooks_refused',
    message:
      "Webhooks are refused because no public key of the gateway is configured (GATEWAY_PUBLIC_KEY_FILE), so their signatures can't be verified.",
  },
};

/** @throws {CommandError} exit 1 when nothing can listen there */
export const listenForWebhooks = (
  { host, port }: { readonly host: string; readonly port: number },
  receiver: WebhookReceiver | null,
  { logger }: WebhookLog,
): Promise<HttpServer> => startHttp({ host, port, logger, setBy: '--webhooks', ...webhookRoute(receiver, { logger }) });
