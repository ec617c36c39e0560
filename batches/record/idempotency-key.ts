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

/** The first 16 bytes of a SHA-1 with version 5 and the RFC's variant set. */
const uuidOf = (sha1: string): string => {
  const variant = ((parseInt(sha1.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${sha1.slice(0, 8)}-${sha1.slice(8, 12)}-5${sha1.slice(13, 16)}-${variant}${sha1.slice(17, 20)}-${sha1.slice(20, 32)}`;
};

// One-shot hashing costs a quarter of the uuid package's way; a test holds the two equal.
const uuidV5 = (namespace: Buffer, name: string): string => {
  const length = Buffer.byteLength(name, 'utf8');
  const bytes = Buffer.allocUnsafe(namespaceBytes + length);
  namespace.copy(bytes, 0);
  bytes.write(name, namespaceBytes, length, 'utf8');
  return uuidOf(hash('sha1', bytes, 'hex'));
};

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
  const namespace = Buffer.from(uuidV5(urlNamespace, `urn:disburse:v1:${project}`).replaceAll('-', ''), 'hex');
  return {
    idempotencyKey: (kind, recordId, attempt) => uuidV5(namespace, `${kind}:${recordId}:${attempt}`),
    eventId: ({ place, attempt, status, sequence }) =>
      uuidV5(namespace, `result:${place}:${attempt}:${status}${isFinal[status] ? '' : `:${sequence}`}`),
    alertId: ({ alert, about, fact }) => uuidV5(namespace, `alert:${alert}:${about}:${fact}`),
  };
};
