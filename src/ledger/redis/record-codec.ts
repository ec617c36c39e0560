/**
 * A record as one string: a line that scripts read and write (`head.lua`), a line of what moves, and a line of what
 * never changes. What follows from something else, or is as it begins, is left out. These formats are on disk.
 */
import type { AuditEntry, AuditHead } from '../../../batches/audit/audit-entry.ts';
import type { FieldDigests } from '../../../batches/record/fingerprint.ts';
import type { CallerMetadata, Occurrence, Source } from '../../../batches/instruction/instruction.ts';
import type { KeyDerivation } from '../../../batches/record/idempotency-key.ts';
import type { Amendment, LedgerRecord, Reason, RecordAlert } from '../../../batches/record/record.ts';
import { statusCode, statusOf } from '../codes.ts';
import { isImplied, sharedSource, sourceAt, type SharedSource } from '../source.ts';

/** What the records of one batch and stream have in common: kept once a shard. */
export interface RecordTemplate {
  readonly batchId: string;
  readonly stream: string;
  readonly shared: SharedSource;
}

export const templateOf = ({ batchId, occurrence }: Pick<LedgerRecord, 'batchId' | 'occurrence'>): string =>
  JSON.stringify({ batchId, stream: occurrence.stream, shared: sharedSource(occurrence.source) } satisfies RecordTemplate);

export const readTemplate = (text: string): RecordTemplate => JSON.parse(text) as RecordTemplate;

/** What most records are sent under; the others name theirs. The meaning of `1` is on disk: never change it. */
const defaultHeader = 'X-PARTNER-IDEMPOTENCY-KEY';

interface MutableFields {
  readonly attempt?: number;
  /** Only where it is not the one that project, kind, record id and attempt make. */
  readonly key?: string;
  /** The key's lifetime when it was first sent, in milliseconds. */
  readonly life?: number;
  /** Wall clock and uptime of the sender's machine at the first send. */
  readonly wall?: number;
  readonly up?: number;
  /** The header that carried the key; 1 means the default one. */
  readonly header?: string | 1;
  readonly sends?: number;
  readonly arrived?: true;
  readonly session?: string;
  readonly unproven?: true;
  readonly entry?: string;
  readonly confirm?: string;
  readonly cancel?: string;
  readonly reason?: readonly [code: string, description: string];
  readonly resend?: readonly [code: string, description: string];
  readonly due?: number;
  readonly checks?: number;
  /** Number and chain, in base64, of the newest entry of the audit trail; scripts read the number. */
  readonly audit?: readonly [number: number, chain: string];
  readonly alerts?: readonly RecordAlert[];
  readonly resolved?: string;
  readonly awaits?: number;
  readonly previous?: string;
  readonly amended?: readonly Amendment[];
  readonly owner?: string;
  readonly until?: number;
}

interface ImmutableFields {
  readonly position: number;
  readonly source?: Source;
  readonly kind?: 'payment';
  readonly fingerprint: string;
  readonly destination?: string;
  readonly metadata?: CallerMetadata;
  /** The list of paths by its number, and their digests in base64. Absent once the details are purged. */
  readonly paths?: number;
  readonly digests?: string;
}

/** A record as it is stored in Redis. */
export interface StoredRecord {
  readonly record: LedgerRecord;
  /** The number of its admission, which no other record under the same id has; `''` once that is not known. */
  readonly order: string;
  readonly token: string;
  readonly fields: { readonly paths: number; readonly digests: Buffer } | undefined;
  /** The whole trail of a packed record, which has none elsewhere. */
  readonly trail?: readonly AuditEntry[];
}

/** The order of a record that was packed and is unpacked again begins with 0: that of its admission is not known. */
export const isKnownOrder = (order: string): boolean => order !== '' && !order.startsWith('0');

export const firstText = ({ firstSentAt }: LedgerRecord): string => (firstSentAt === null ? '-' : String(firstSentAt));

/** What a step is decided on, as scripts compare it: see `state_of` in `head.lua`. */
export const stateText = ({ version, audit }: Pick<LedgerRecord, 'version' | 'audit'>): string => `${version}.${audit?.number ?? 0}`;

/** '1' when it has an alert that no person has acknowledged. */
export const alertText = ({ alerts }: LedgerRecord): string => (alerts.some(({ acknowledged }) => !acknowledged) ? '1' : '');

/** Without a line break, as JSON is. */
export function encodeMutable(record: LedgerRecord, keys: KeyDerivation): string {
  const { attempt, idempotencyHeader, sends, sessionId, reason, resend, checks, sentClocks, audit, alerts, amendments } = record;
  const implied = keys.idempotencyKey(record.kind, record.recordId, attempt);
  // What is undefined is left out of JSON: a list of what is there would cost an object for each of these lines.
  return JSON.stringify({
    attempt: attempt === 1 ? undefined : attempt,
    key: record.idempotencyKey === implied ? undefined : record.idempotencyKey,
    life: record.keyLifetimeMs ?? undefined,
    wall: sentClocks?.wallAt,
    up: sentClocks?.uptimeMs ?? undefined,
    header: idempotencyHeader === defaultHeader ? 1 : (idempotencyHeader ?? undefined),
    sends: sends === 0 ? undefined : sends,
    arrived: record.alreadyReceived ? true : undefined,
    session: sessionId ?? undefined,
    unproven: sessionId === null || record.isSessionProven ? undefined : true,
    entry: record.entryId ?? undefined,
    confirm: record.confirmSession ?? undefined,
    cancel: record.cancelSession ?? undefined,
    reason: reason === null ? undefined : [reason.code, reason.description],
    resend: resend === null ? undefined : [resend.code, resend.description],
    due: record.dueAt ?? undefined,
    checks: checks === 0 ? undefined : checks,
    audit: audit === null ? undefined : [audit.number, Buffer.from(audit.chain, 'hex').toString('base64url')],
    alerts: alerts.length === 0 ? undefined : alerts,
    resolved: record.resolvedBy ?? undefined,
    awaits: record.awaitsConfirmationSince ?? undefined,
    previous: record.previousSession ?? undefined,
    amended: amendments.length === 0 ? undefined : amendments,
    owner: record.leaseOwner ?? undefined,
    until: record.leaseUntil ?? undefined,
  } satisfies { readonly [Name in keyof MutableFields]: MutableFields[Name] | undefined });
}

/** @param paths the number of the list of paths */
export function encodeImmutable(record: LedgerRecord, paths: number, { digests }: FieldDigests): string {
  return JSON.stringify({
    ...permanentFields(record),
    ...(record.destination === undefined ? {} : { destination: record.destination }),
    ...(record.metadata === undefined ? {} : { metadata: record.metadata }),
    paths,
    digests: Buffer.from(digests).toString('base64'),
  } satisfies ImmutableFields);
}

/** Second and third line of a record whose details are purged: what must be known forever, and nothing more. */
export const encodeWithoutDetails = (record: LedgerRecord, audit: AuditHead | null, keys: KeyDerivation): string =>
  `${encodeMutable({ ...record, audit, reason: null, resend: null, checks: 0 }, keys)}\n${encodePermanent(record)}`;

/** The third line of a record whose details are purged. */
export const encodePermanent = (record: LedgerRecord): string => JSON.stringify(permanentFields(record));

function permanentFields({ occurrence, kind, fingerprint }: LedgerRecord): ImmutableFields {
  const { position, source } = occurrence;
  return {
    position,
    ...(isImplied(sharedSource(source), position, source) ? {} : { source }),
    ...(kind === 'payment' ? { kind } : {}),
    fingerprint,
  };
}

/** The number of the frame in a record's first line. */
export const templateNumberOf = (text: string): string => headOf(text)[6] ?? '';

const headOf = (text: string): string[] => text.slice(0, text.indexOf('\n')).split(' ');

export function readRecord(text: string, recordId: string, frame: RecordTemplate, keys: KeyDerivation): StoredRecord {
  const [, second = '{}', third = '{}'] = text.split('\n');
  const [version, code, sequence, sensitive, amount = '0', currency = '', , order = '', first, token = ''] = headOf(text);
  const moving = JSON.parse(second) as MutableFields;
  const fixed = JSON.parse(third) as ImmutableFields;
  const status = statusOf(Number(code));
  if (status === 'conflict' || status === 'duplicate') throw new RangeError(`the ledger holds a record that is ${status}`);
  const kind = fixed.kind ?? 'payout';
  const attempt = moving.attempt ?? 1;
  const occurrence: Occurrence = {
    stream: frame.stream,
    position: fixed.position,
    source: fixed.source ?? sourceAt(frame.shared, fixed.position),
  };
  const record: LedgerRecord = {
    recordId,
    kind,
    batchId: frame.batchId,
    occurrence,
    amountMinor: BigInt(amount),
    currency,
    destination: fixed.destination,
    metadata: fixed.metadata,
    hasCardNumber: sensitive === '1',
    fingerprint: fixed.fingerprint,
    attempt,
    idempotencyKey: moving.key ?? keys.idempotencyKey(kind, recordId, attempt),
    status,
    sequence: Number(sequence),
    version: Number(version),
    firstSentAt: first === '-' ? null : Number(first),
    sentClocks: moving.wall === undefined ? null : { wallAt: moving.wall, uptimeMs: moving.up ?? null },
    keyLifetimeMs: moving.life ?? null,
    idempotencyHeader: moving.header === 1 ? defaultHeader : (moving.header ?? null),
    sends: moving.sends ?? 0,
    alreadyReceived: moving.arrived ?? false,
    sessionId: moving.session ?? null,
    isSessionProven: moving.session !== undefined && moving.unproven !== true,
    entryId: moving.entry ?? null,
    confirmSession: moving.confirm ?? null,
    cancelSession: moving.cancel ?? null,
    reason: moving.reason === undefined ? null : reasonOf(moving.reason),
    resend: moving.resend === undefined ? null : reasonOf(moving.resend),
    dueAt: moving.due ?? null,
    checks: moving.checks ?? 0,
    audit:
      moving.audit === undefined ? null : { number: moving.audit[0], chain: Buffer.from(moving.audit[1], 'base64url').toString('hex') },
    alerts: moving.alerts ?? [],
    resolvedBy: moving.resolved ?? null,
    awaitsConfirmationSince: moving.awaits ?? null,
    previousSession: moving.previous ?? null,
    amendments: moving.amended ?? [],
    leaseOwner: moving.owner ?? null,
    leaseUntil: moving.until ?? null,
  };
  const { paths, digests } = fixed;
  const fields = paths === undefined || digests === undefined ? undefined : { paths, digests: Buffer.from(digests, 'base64') };
  return { record, order: isKnownOrder(order) ? order : '', token, fields };
}

const reasonOf = ([code, description]: readonly [string, string]): Reason => ({ code, description });

export const statusCodeText = ({ status }: LedgerRecord): string => String(statusCode[status]);
