/** Requests as they may come from anywhere: what answers them is the path alone, byte by byte. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../../../src/logger.ts';
import { startHttp, type HttpServer } from '../../../../src/service/http/server.ts';

let server: HttpServer;
beforeAll(async () => {
  server = await startHttp({
    host: '127.0.0.1',
    port: 0,
    logger: createLogger('silent'),
    webhook: ({ body }) => Promise.resolve({ status: 200, body: { bytes: body.length } }),
    service: { fatal: () => null, checks: {}, metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'up 1\n' }) },
  });
});
afterAll(() => server.close(0));

/** Everything that is answered until the connection ends. */
async function exchange(text: string): Promise<string> {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
  socket.end(text, 'latin1');
  await once(socket, 'close');
  return answer;
}
const statusesIn = (answer: string): readonly number[] => [...answer.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
const request = (line: string, host: string | null, rest = ''): string =>
  `${line}\r\n${host === null ? '' : `Host: ${host}\r\n`}Connection: close\r\n${rest}\r\n`;

describe('a request', () => {
  it.each([['bad host'], ['a:99999'], ['10.0.0.256'], ['127.1'], ['[::1]:8080'], ['my_service.default:80'], ['']])(
    'gets the answer of its path whatever its Host is: %j',
    async (host) => {
      expect(statusesIn(await exchange(request('GET /livez HTTP/1.1', host)))).toEqual([200]);
      expect(statusesIn(await exchange(request('GET /nothing HTTP/1.1', host)))).toEqual([404]);
      expect(await exchange(request('POST /webhooks/smart-glocal HTTP/1.1', host, 'Content-Length: 5\r\n') + 'abcde')).toContain(
        '{"bytes":5}',
      );
      expect(statusesIn(await exchange(request('DELETE /webhooks/smart-glocal HTTP/1.1', host)))).toEqual([405]);
    },
  );

  it('of HTTP/1.0 without a Host is answered', async () => {
    expect(statusesIn(await exchange(request('GET /livez HTTP/1.0', null)))).toEqual([200]);
  });

  it.each(['*', 'http://a/livez', 'http://%%/livez', '/x/../livez', '/x\\livez', '/live%7A', '/livez#x', '//livez'])(
    'whose target is no path that is known, %s, gets 404: nothing in it is decoded or resolved',
    async (target) => {
      expect(statusesIn(await exchange(request(`OPTIONS ${target} HTTP/1.1`, 'a')))).toEqual([404]);
    },
  );

  it.each(['TRACE', 'PROPFIND', 'OPTIONS', 'PATCH'])('with the method %s gets 405 with the methods that the path has', async (method) => {
    const answer = await exchange(request(`${method} /livez HTTP/1.1`, 'a'));
    expect(statusesIn(answer)).toEqual([405]);
    expect(answer).toContain('\r\nallow: GET, HEAD\r\n');
  });

  it('that came whole leaves its connection for the next one, also with 404 and 405', async () => {
    const first = 'GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nDELETE /livez HTTP/1.1\r\nHost: a\r\n\r\n';
    expect(statusesIn(await exchange(first + request('GET /livez HTTP/1.1', 'a')))).toEqual([404, 405, 200]);
  });

  it('with an unread body ends its connection with the answer', async () => {
    const answer = await exchange('POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nabc');
    expect(statusesIn(answer)).toEqual([404]);
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n');
  });
});
