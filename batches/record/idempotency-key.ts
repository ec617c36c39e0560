/**
 * The names that anybody can compute again: the idempotency key of an attempt and the ids of results and alerts.
 * All are UUID v5 (RFC 9562) in a namespace of the project, so that two projects never share one.
 */
import { hash } from 'node:crypto';
import type { Kind } from '../instruction/instruction.ts';
import { isFinal, type Status } from './status.ts';

/** The URL namespace of RFC 9562, section 6.6. */
const urlNamespace = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

const namespaceBytes = 16;

/** The first 16 bytes of a SHA-1 with version 5 and the RFC's variant set, in hex. */
const uuidHex = (sha1Hex: string): string =>
  `${sha1Hex.slice(0, 12)}5${sha1Hex.slice(13, 16)}${((parseInt(sha1Hex.charAt(16), 16) & 0x3) | 0x8).toString(16)}${sha1Hex.slice(17, 32)}`;

// One-shot hashing costs a quarter of the uuid package's way; a test holds the two equal.
const uuidV5Hex = (namespace: Buffer, name: string): string => {
  const length = Buffer.byteLength(name, 'utf8');
  const bytes = Buffer.allocUnsafe(namespaceBytes + length);
  namespace.copy(bytes, 0);
  bytes.write(name, namespaceBytes, length, 'utf8');
  return uuidHex(hash('sha1', bytes, 'hex'));
};

const dashed = (hex: string): string => `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;

export interface KeyDerivation {
  /** `uuidv5(NS, kind + ":" + record_id + ":" + attempt)`, where `NS = uuidv5(URL namespace, "urn:disburse:v1:" + project)`. */
  idempotencyKey(kind: Kind, recordId: string, attempt: number): string;
  /**
   * `uuidv5(NS, "result:" + place + ":" + attempt + ":" + status)`, and `":" + sequence` behind a status that is not
   * final, since a record may have that status more than once.
   */
  eventId(event: EventName): string;
  /** `uuidv5(NS, "alert:" + alert + ":" + (record id or batch id) + ":" + fact)` */
  alertId(alert: { readonly alert: string; readonly about: string; readonly fact: string }): string;
}

export interface EventName {
  /** `file:<sha256>:<line>` or `topic:<name>:<partition>:<offset>`. */
  readonly place: string;
  /** 1 for what was never sent. */
  readonly attempt: number;
  readonly status: Status;
  readonly sequence: number;
}

/** @param project the gateway's project, as in `X-PARTNER-PROJECT` */
export const createKeyDerivation = (project: string): KeyDerivation => {
  const namespace = Buffer.from(uuidV5Hex(urlNamespace, `urn:disburse:v1:${project}`), 'hex');
  return {
    idempotencyKey: (kind, recordId, attempt) => dashed(uuidV5Hex(namespace, `${kind}:${recordId}:${attempt}`)),
    eventId: ({ place, attempt, status, sequence }) =>
      dashed(uuidV5Hex(namespace, `result:${place}:${attempt}:${status}${isFinal[status] ? '' : `:${sequence}`}`)),
    alertId: ({ alert, about, fact }) => dashed(uuidV5Hex(namespace, `alert:${alert}:${about}:${fact}`)),
  };
};
