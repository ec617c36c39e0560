/** `REDIS_URL`: one URL, or several of the nodes of a cluster. */

/** The URLs of a list; a comma in a password does not end one. */
export const urlsOf = (list: string): readonly [string, ...string[]] =>
  list.split(/\s*,\s*(?=rediss?:\/\/)/).map((url) => url.trim()) as unknown as readonly [string, ...string[]];

/** The addresses in a list of URLs, for messages: with the user, without the password. */
export const addressOf = (list: string): string => urlsOf(list).map(shownUrl).join(', ');

function shownUrl(url: string): string {
  const { protocol, username, password, host, port, pathname } = new URL(url);
  const who = username === '' && password === '' ? '' : `${username}${password === '' ? '' : ':***'}@`;
  return `${protocol}//${who}${host}${port === '' ? ':6379' : ''}${pathname === '/' ? '' : pathname}`;
}

/** The same user, password and protocol at another address. */
export function urlAt(url: string, host: string, port: number): string {
  const { protocol, username, password } = new URL(url);
  const who = username === '' && password === '' ? '' : `${username}${password === '' ? '' : `:${password}`}@`;
  return `${protocol}//${who}${host.includes(':') ? `[${host}]` : host}:${port}`;
}
