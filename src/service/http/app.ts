/**
 * The routes as one application of hono. Bodies are read from the request of Node and answers are written to its response: a body is
 * refused at the byte that is too many, and whether a connection ends is decided when the answer is written.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Logger } from '../../logger.ts';
import { json, type Answer, type Route } from './routes.ts';

/** One request, its response, and the server that has both. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly server: Server;
}

interface HttpEnv {
  Bindings: Exchange;
}

interface AppParams {
  readonly routes: ReadonlyMap<string, Route>;
  readonly logger: Logger;
  readonly send: (exchange: Exchange, answer: Answer) => void;
}

/** Byte by byte as the request has it, without its query: nothing in it is decoded or resolved. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.split('?', 1)[0] ?? '';

/** What answers one request. */
export function createListener({ routes, logger, send }: AppParams) {
  const app = createApp({ routes, logger, send });
  return (incoming: IncomingMessage, outgoing: ServerResponse, server: Server): void => {
    const exchange = { incoming, outgoing, server };
    const handle = getRequestListener((request) => app.fetch(request, exchange), {
      overrideGlobalObjects: false,
      // Of HTTP/1.0, which may leave it out.
      hostname: 'localhost',
      // Node reads what is left of a request, or ends its connection.
      autoCleanupIncoming: false,
      // Its address is no URL, of which only the path matters here.
      errorHandler: async () => void (await app.fetch(standIn(incoming), exchange)),
    });
    void handle(incoming, outgoing);
  };
}

/** For a request whose header Host or target makes no URL. */
const standIn = ({ method = '' }: IncomingMessage): Request =>
  new Request('http://localhost/', { method: ['GET', 'HEAD', 'POST'].includes(method) ? method : 'OPTIONS' });

function createApp({ routes, logger, send }: AppParams): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>({ getPath: (_, options) => pathOf((options as { readonly env: Exchange }).env.incoming) });
  const answered = async (exchange: Exchange, answer: Answer): Promise<Response> => {
    // A request that came whole is complete in the next step only, and its connection is kept then.
    await Promise.resolve();
    send(exchange, answer);
    return RESPONSE_ALREADY_SENT;
  };
  for (const [path, { methods, answer }] of routes) {
    // HEAD is routed as GET.
    app.on(
      methods.filter((method) => method !== 'HEAD'),
      path,
      async ({ env }) => answered(env, await answer(env.incoming)),
    );
    app.all(path, ({ env }) => answered(env, wrongMethod(methods)));
  }
  app.notFound(({ env }) => answered(env, notFound(routes)));
  app.onError((cause, { env }) => {
    logger.error({ err: cause, path: pathOf(env.incoming) }, 'a request could not be answered');
    return answered(env, failed);
  });
  return app;
}

const notFound = (routes: ReadonlyMap<string, Route>): Answer =>
  json(404, { error: 'not_found', message: `No such path. Known paths: ${[...routes.keys()].join(', ')}.` });

const wrongMethod = (methods: readonly string[]): Answer => {
  const allowed = methods.join(', ');
  return json(405, { error: 'method_not_allowed', message: `Use ${allowed} here.` }, { allow: allowed });
};

const failed = json(500, { error: 'internal_error', message: 'The request could not be answered; see the log of disburse.' });
