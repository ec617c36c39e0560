/**
 * One request and its answer over undici's lowest interface. `dispatch` is used rather than `request` because only
 * its handler is asked at the very moment before the first byte, and because it builds no stream for the answer.
 */
import type { Dispatcher } from 'undici';
import type { GatewayResponse, TransportCode } from '../batches/gateway/gateway-response.ts';
import { readAnswerJson } from './answer-json.ts';
import { decodeBody } from './content-encoding.ts';
import { readTransportError, transportAnswer, type Phase } from './transport.ts';

/** Longest wait that a Retry-After may ask of us. */
const maxRetryAfterMs = 3_600_000;

const secondsPattern = /^\d{1,12}$/;
const httpDatePattern = /\d GMT$/;

/**
 * Reads a Retry-After header: whole seconds or an HTTP date.
 *
 * @returns milliseconds from `now`, 0 to one hour; undefined when there is none or it cannot be read
 */
function readRetryAfter(value: string | readonly string[] | undefined, now: number): number | undefined {
  const text = (typeof value === 'string' ? value : value?.[0])?.trim();
  if (text === undefined) return undefined;
  if (secondsPattern.test(text)) return Math.min(Number(text) * 1000, maxRetryAfterMs);
  const at = httpDatePattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(Math.ceil(at - now), 0), maxRetryAfterMs);
}

const noBytes = Buffer.alloc(0);

/**
 * When a process wakes that was frozen for longer than the time limit, its timers fire before its sockets are read: an
 * answer that has come already is read within two turns of the event loop.
 */
const afterSockets = (work: () => void): void => void setImmediate(() => setImmediate(work));

export interface Exchange {
  readonly path: string;
  /** Names and values in turn, without content-length. */
  readonly headers: string[];
  readonly body: Uint8Array;
  /** From the first byte sent to the whole answer read. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly secure: boolean;
  /** Asked once, right before the first byte. */
  readonly mayStart: () => boolean;
  readonly now: () => number;
  /** Each of them ends the call, whatever it had reached. */
  readonly signals?: readonly AbortSignal[];
}

/** Sends once and reads the whole answer. Never rejects. */
export function exchange(pool: Dispatcher, params: Exchange): Promise<GatewayResponse> {
  return new Promise((resolve) => {
    let phase: Phase = 'connecting';
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    /** Why the call was ended here; undici then reports that error. */
    let ended: { readonly code: TransportCode; readonly detail?: string } | undefined;
    let httpStatus = 0;
    let retryAfter: string | readonly string[] | undefined;
    let encoding: string | readonly string[] | undefined;
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;

    let endEarly = (): void => undefined;
    const leave = (): void => endEarly();
    const isEnded = (): boolean => params.signals?.some(({ aborted }) => aborted) === true;
    for (const signal of params.signals ?? []) signal.addEventListener('abort', leave);
    const over = (): void => {
      isOver = true;
      clearTimeout(timer);
      for (const signal of params.signals ?? []) signal.removeEventListener('abort', leave);
    };

    const end = (controller: Dispatcher.DispatchController, code: TransportCode, detail?: string): void => {
      if (isOver) return;
      ended ??= detail === undefined ? { code } : { code, detail };
      controller.abort(new Error(code));
    };

    pool.dispatch(
      { method: 'POST', path: params.path, headers: params.headers, body: params.body },
      {
        onRequestStart(controller) {
          // undici may put a request back in its queue when a socket closes for certain reasons of its own. It never
          // does so with one request a connection; should it ever, the second sending is refused here.
          if (phase === 'started') return end(controller, 'transport_other', 'a second send was prevented');
          if (isEnded() || !params.mayStart()) return end(controller, 'lease_over');
          phase = 'started';
          endEarly = () => end(controller, 'transport_other', 'this process ended the call');
          timer = setTimeout(() => afterSockets(() => end(controller, 'answer_timeout', `${params.timeoutMs} ms`)), params.timeoutMs);
        },
        onResponseStart(_controller, statusCode, headers) {
          httpStatus = statusCode;
          retryAfter = headers['retry-after'];
          encoding = headers['content-encoding'];
        },
        onResponseData(controller, chunk) {
          size += chunk.length;
          if (size > params.maxAnswerBytes) return end(controller, 'answer_too_large', `more than ${params.maxAnswerBytes} bytes`);
          if (first === undefined) first = chunk;
          else (rest ??= [first]).push(chunk);
        },
        onResponseEnd() {
          over();
          const retryAfterMs = retryAfter === undefined ? undefined : readRetryAfter(retryAfter, params.now());
          const decoded = decodeBody(rest === undefined ? (first ?? noBytes) : Buffer.concat(rest), encoding, params.maxAnswerBytes);
          if (decoded === 'too_large') return resolve(transportAnswer('answer_too_large', `more than ${params.maxAnswerBytes} bytes`));
          const json = decoded === undefined ? undefined : readAnswerJson(decoded);
          resolve({ type: 'answer', httpStatus, json, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
        },
        onResponseError(_controller, error) {
          over();
          resolve(ended === undefined ? readTransportError(error, phase, params.secure) : transportAnswer(ended.code, ended.detail));
        },
      },
    );
  });
}
