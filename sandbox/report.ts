/** The gateway's daily payouts report: what succeeded on a day (UTC), and what came back, as CSV or XLSX. */
import writeXlsxFile from 'write-excel-file/node';
import { isObject } from './body-rules.ts';
import type { Json, JsonObject } from './body-rules.ts';
import { timestamp } from './clock.ts';
import { majorUnits } from './currencies.ts';
import type { EchoStore } from './echo-store.ts';
import { moneyOf, stateOf } from './lifecycle.ts';
import { entryIdOf, shareOf } from './sessions.ts';
import type { Session } from './sessions.ts';

export const reportColumns = [
  'operationId',
  'transactionDate',
  'finishedAt',
  'typeOfPayment',
  'paymentFast',
  'paymentSessionId',
  'paymentSessionMerchantMetadata',
  'paymentMethodIdentity',
  'product',
  'grossLocalAmount',
  'paymentLocalAmount',
  'feesLocalAmount',
  'Currency amount',
  'Currency fee',
  'RRN',
] as const;

type Row = Readonly<Record<(typeof reportColumns)[number], string>>;

/** @property metadata `whole`, or the number of characters that are printed of it */
export interface ReportDeps {
  readonly sessions: readonly Session[];
  readonly echoes: EchoStore;
  readonly settleMs: number;
  readonly metadata: 'whole' | number;
}

/** @property date `YYYY-MM-DD` */
export interface ReportRequest {
  readonly project: string;
  readonly date: string;
  readonly nowMs: number;
}

function metadataText(metadata: Json | undefined): string {
  if (metadata === undefined) return '';
  return typeof metadata === 'string' ? metadata : JSON.stringify(metadata);
}

/** The first member that names an account in any of the documented routes. */
function identityOf(method: Json | undefined): string {
  const found = (value: Json | undefined, name: string): string | undefined => {
    if (!isObject(value)) return undefined;
    const own = value[name];
    if (typeof own === 'string') return own;
    return Object.values(value)
      .map((member) => found(member, name))
      .find((text) => text !== undefined);
  };
  const [bin, last4] = [found(method, 'bin'), found(method, 'last4')];
  if (bin !== undefined && last4 !== undefined) return `${bin}******${last4}`;
  return (
    ['iban', 'bank_account_number', 'account_number', 'msisdn'].map((name) => found(method, name)).find((text) => text !== undefined) ?? ''
  );
}

/** In the order in which sessions were recorded; the row of a return is behind that of its payment. */
export function reportRows({ sessions, echoes, settleMs, metadata }: ReportDeps, { project, date, nowMs }: ReportRequest): readonly Row[] {
  const startMs = Date.parse(`${date}T00:00:00Z`);
  const isOnDay = (atMs: number | undefined): atMs is number =>
    atMs !== undefined && atMs >= startMs && atMs < startMs + 86_400_000 && atMs <= nowMs;

  function row(session: Session, typeOfPayment: 'Advice' | 'Refund', atMs: number, amountMinor: number): Row {
    const echo = JSON.parse(`{${echoes.get(session.echoOffset)}}`) as JsonObject;
    const amount = majorUnits(amountMinor, session.currency);
    const currency = session.currency.toUpperCase();
    const text = metadataText(echo['metadata']);
    return {
      operationId: entryIdOf(session),
      transactionDate: date,
      finishedAt: timestamp(atMs),
      typeOfPayment,
      paymentFast: 'false',
      paymentSessionId: session.id,
      paymentSessionMerchantMetadata: metadata === 'whole' ? text : [...text].slice(0, metadata).join(''),
      paymentMethodIdentity: identityOf(echo['payment_method']),
      product: 'payout',
      grossLocalAmount: amount,
      paymentLocalAmount: amount,
      feesLocalAmount: majorUnits(0, session.currency),
      'Currency amount': currency,
      'Currency fee': currency,
      RRN: String(BigInt(`0x${session.id.slice(3)}`) % 10n ** 12n).padStart(12, '0'),
    };
  }

  return sessions.flatMap((session) => {
    if (session.kind !== 'payout' || session.project !== project) return [];
    const { paidAtMs, givenBackAtMs } = moneyOf(session, settleMs);
    const rows: Row[] = [];
    if (isOnDay(paidAtMs)) rows.push(row(session, 'Advice', paidAtMs, session.shownAmountMinor));
    if (isOnDay(givenBackAtMs) && stateOf(session, settleMs, givenBackAtMs).isReversed === true)
      rows.push(row(session, 'Refund', givenBackAtMs, shareOf(session, session.shownAmountMinor)));
    return rows;
  });
}

const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export const reportCsv = (rows: readonly Row[]): string =>
  [reportColumns, ...rows.map((row) => reportColumns.map((column) => row[column]))]
    .map((cells) => `${cells.map(csvCell).join(',')}\r\n`)
    .join('');

const isNumber = (column: string): boolean => column.endsWith('LocalAmount');

/** Amounts are numbers, all other cells texts. */
export const reportXlsx = (rows: readonly Row[]): Promise<Buffer> =>
  writeXlsxFile([
    reportColumns.map((value) => ({ value, type: String })),
    ...rows.map((row) =>
      reportColumns.map((column) =>
        isNumber(column) && Number.isSafeInteger(Number(row[column].replace('.', '')))
          ? { value: Number(row[column]), type: Number }
          : { value: row[column], type: String },
      ),
    ),
  ]).toBuffer();
