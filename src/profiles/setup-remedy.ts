/** What an operator must correct when the gateway rejects the configuration. */
import type { Settings } from '../config/variables.ts';

/** @param code of the gateway's refusal, or of a page that is not the gateway's */
export function setupRemedy(code: string, settings: Settings): string {
  switch (code) {
    case 'authentication_error':
      return `Correct this first; repeating the command does not help. Is GATEWAY_PRIVATE_KEY_FILE (${settings.GATEWAY_PRIVATE_KEY_FILE ?? ''}) the private key of the public key that the gateway has for the project ${settings.GATEWAY_PROJECT ?? ''}?`;
    case 'identification_error':
      return `Correct this first; repeating the command does not help. Does the gateway know GATEWAY_PROJECT (${settings.GATEWAY_PROJECT ?? ''})?`;
    case 'authorization_error':
      return `Correct this first; repeating the command does not help. Ask the gateway which rights the project ${settings.GATEWAY_PROJECT ?? ''} has (GATEWAY_PROJECT, GATEWAY_SUBMERCHANT).`;
    default:
      return `Correct this first; repeating the command does not help. Is GATEWAY_URL (${settings.GATEWAY_URL ?? ''}) the gateway itself, without a proxy that answers for it?`;
  }
}
