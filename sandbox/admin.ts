/** What the sandbox offers beside the gateway's API, under `/_sandbox/`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable, pipeline } from 'node:stream';
import { readAmounts } from './currencies.ts';
import type { Clock } from './clock.ts';
import { errorBody, gatewayError } from './errors.ts';
import type { GatewayError } from './errors.ts';
import { parseFaults } from './faults.ts';
import type { FaultRates } from './faults.ts';
import type { Funds } from './funds.ts';
import type { Methods } from './methods.ts';
import { reportCsv, reportRows, reportXlsx } from './report.ts';
import type { ReportDeps } from './report.ts';
import type { Sessions } from './sessions.ts';
import { jsonLines } from './witness.ts';

/** @param name of the page, below `/_sandbox/` */
export type Admin = (name: string, request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void;

export interface AdminDeps {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly methods: Methods;
  readonly funds: Funds | undefined;
  readonly report: ReportDeps;
  readonly faults: { current: FaultRates; set(more: FaultRates): void };
  readonly payments: () => Iterable<unknown>;
  readonly calls: () => Iterable<unknown>;
}

type Handler = (response: ServerResponse, query: URLSearchParams) => void | Promise<void>;

const wrong = (description: string, httpStatus = 400): GatewayError => gatewayError('invalid_request', description, httpStatus);

export function deny(request: IncomingMessage, response: ServerResponse, error: GatewayError, allow?: string): void {
  request.resume();
  fail(response, error, allow === undefined ? {} : { allow });
}

function fail(response: ServerResponse, error: GatewayError, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(error.httpStatus, { 'content-type': 'application/json', ...headers }).end(errorBody(error));
}

const list = (response: ServerResponse, lines: Iterable<unknown>): void => {
  response.writeHead(200, { 'content-type': 'application/jsonl; charset=utf-8' });
  pipeline(Readable.from(jsonLines(lines)), response, () => {});
};

const json = (response: ServerResponse, value: unknown): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
};

const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text);

const xlsxType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

export function createAdmin(deps: AdminDeps): Admin {
  const { clock, sessions, methods, funds } = deps;

  const report: Handler = async (response, query) => {
    const date = query.get('date') ?? '';
    const format = query.get('format') ?? 'csv';
    if (!isDate(date)) return fail(response, wrong('date: expected a day, as in date=2026-11-21'));
    if (format !== 'csv' && format !== 'xlsx') return fail(response, wrong('format: expected csv or xlsx'));
    const project = query.get('project') ?? sessions.all[0]?.project ?? 'project';
    const rows = reportRows(deps.report, { project, date, nowMs: clock.nowMs() });
    const body = format === 'csv' ? reportCsv(rows) : await reportXlsx(rows);
    response.writeHead(200, {
      'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : xlsxType,
      'content-disposition': `attachment; filename="${project.replace(/[^\w.-]/g, '_')}_${date}_${date}.${format}"`,
    });
    response.end(body);
  };

  const act: Handler = (response, query) => {
    const session = sessions.byId(query.get('session') ?? '');
    const result = query.get('result') ?? 'confirmed';
    if (session === undefined) return fail(response, wrong('session: no such session', 404));
    if (result !== 'confirmed' && result !== 'cancelled') return fail(response, wrong('result: expected confirmed or cancelled'));
    if (!methods.act(session, result, clock.nowMs())) return fail(response, wrong('The session does not wait for the customer', 409));
    json(response, { session: session.id, result });
  };

  const setFaults: Handler = (response, query) => {
    try {
      deps.faults.set(parseFaults([...query].map((pair) => pair.join('=')).join(',')));
    } catch (error) {
      return fail(response, wrong((error as Error).message));
    }
    json(response, deps.faults.current);
  };

  const topUp: Handler = (response, query) => {
    if (funds === undefined) return fail(response, wrong('The balances have no end: the sandbox was started without a balance', 409));
    try {
      funds.topUp(readAmounts(query), clock.nowMs());
    } catch (error) {
      return fail(response, wrong((error as Error).message));
    }
    json(response, Object.fromEntries(query));
  };

  const routes = new Map<string, Readonly<Record<string, Handler>>>([
    ['payments', { GET: (response) => list(response, deps.payments()) }],
    ['calls', { GET: (response) => list(response, deps.calls()) }],
    ['report', { GET: report }],
    ['act', { GET: act, POST: act }],
    ['faults', { GET: (response) => json(response, deps.faults.current), POST: setFaults }],
    ['top-up', { POST: topUp }],
  ]);

  return (name, request, response, query) => {
    const byMethod = routes.get(name);
    if (byMethod === undefined) return deny(request, response, wrong('No such page', 404));
    const handler = byMethod[request.method ?? ''];
    const allowed = Object.keys(byMethod);
    if (handler === undefined) return deny(request, response, wrong(`Only ${allowed.join(' and ')} is supported`, 405), allowed.join(', '));
    request.resume();
    void Promise.resolve(handler(response, query)).catch(() => response.destroy());
  };
}
