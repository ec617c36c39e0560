/** Variables of the console: who is trusted, and who may do what. */
import { isIP } from 'node:net';
import { z } from 'zod';

/** `viewer` sees everything; `operator` also pays, pauses and decides about records; `approver` approves. */
export const consoleRoles = ['viewer', 'operator', 'approver'] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

/** A name, or a group after `@`, and its roles. */
export type RolesByName = ReadonlyMap<string, ReadonlySet<ConsoleRole>>;

const isRole = (text: string): text is ConsoleRole => (consoleRoles as readonly string[]).includes(text);

/** `alice=operator,bob=approver,@finance=viewer`; a name given twice has both roles. */
export const roles = z.string().transform((text, context): RolesByName => {
  const found = new Map<string, Set<ConsoleRole>>();
  for (const part of text.split(',')) {
    const match = /^\s*(@?[^=,@\s][^=,]*?)\s*=\s*([a-z]+)\s*$/.exec(part);
    const [, name = '', role = ''] = match ?? [];
    if (!isRole(role)) {
      const expected = `expected names or @groups and roles (${consoleRoles.join(', ')}), such as alice=operator,bob=approver,@finance=viewer`;
      context.addIssue({ code: 'custom', message: expected });
      return z.NEVER;
    }
    found.set(name, (found.get(name) ?? new Set()).add(role));
  }
  return found;
});

/** Addresses or networks, such as `127.0.0.1,10.0.0.0/8`. */
export const trustedProxies = z.string().transform((text, context): readonly string[] => {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every(isAddressOrNetwork)) return parts;
  context.addIssue({ code: 'custom', message: 'expected addresses or networks, separated by commas, such as 10.0.0.7 or 10.0.0.0/24' });
  return z.NEVER;
});

function isAddressOrNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  // A network of no bits at all is everybody.
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (family === 4 ? 32 : 128));
}

type Given = Readonly<Record<string, string | undefined>>;

/** Mistakes that no variable has by itself. */
export function consoleMistakes(given: Given): string[] {
  const isGiven = (name: string): boolean => given[name] !== undefined;
  if (isGiven('CONSOLE_TRUSTED_PROXY') && !isGiven('CONSOLE_USER_HEADER'))
    return ['CONSOLE_USER_HEADER is not set: expected the header in which the proxy of CONSOLE_TRUSTED_PROXY names the user'];
  return ['CONSOLE_USER_HEADER', 'CONSOLE_GROUPS_HEADER']
    .filter((name) => isGiven(name) && !isGiven('CONSOLE_TRUSTED_PROXY'))
    .map((name) => `${name} is set but CONSOLE_TRUSTED_PROXY is not: expected the addresses of the proxy whose headers are believed`);
}
