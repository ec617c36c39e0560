import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../src/config/config.ts';

const read = (given: Record<string, string>) => readConfig([given], 'none').settings;
const proxy = { CONSOLE_TRUSTED_PROXY: '10.0.0.7', CONSOLE_USER_HEADER: 'X-User' };

describe('CONSOLE_ROLES', () => {
  it('gives names and groups their roles, and a name that is listed twice both', () => {
    const { CONSOLE_ROLES: roles } = read({ CONSOLE_ROLES: 'alice=operator, bob = approver,@finance=viewer,alice=approver' });
    expect(roles).toEqual(
      new Map([
        ['alice', new Set(['operator', 'approver'])],
        ['bob', new Set(['approver'])],
        ['@finance', new Set(['viewer'])],
      ]),
    );
  });

  it.each(['alice', 'alice=admin', '=viewer', '@=viewer', 'alice=', 'alice=viewer,', 'alice=Viewer', 'a=viewer=operator'])(
    'refuses %s and says what is expected',
    (text) => {
      expect(() => read({ CONSOLE_ROLES: text })).toThrow(/CONSOLE_ROLES=.*expected names or @groups and roles/);
    },
  );
});

describe('CONSOLE_TRUSTED_PROXY', () => {
  it('takes addresses and networks of both families', () => {
    const given = { ...proxy, CONSOLE_TRUSTED_PROXY: '10.0.0.7, 10.1.0.0/16,fd00::/8' };
    expect(read(given).CONSOLE_TRUSTED_PROXY).toEqual(['10.0.0.7', '10.1.0.0/16', 'fd00::/8']);
  });

  it.each(['proxy.example', '10.0.0', '10.0.0.0/33', '0.0.0.0/0', '::/0', '10.0.0.0/8/8', '10.0.0.7,'])('refuses %s', (text) => {
    expect(() => read({ ...proxy, CONSOLE_TRUSTED_PROXY: text })).toThrow(/expected addresses or networks/);
  });

  it('needs the header in which the proxy names the user', () => {
    expect(() => read({ CONSOLE_TRUSTED_PROXY: '10.0.0.7' })).toThrow(/CONSOLE_USER_HEADER is not set/);
  });

  it.each(['CONSOLE_USER_HEADER', 'CONSOLE_GROUPS_HEADER'])('is needed with %s, which would otherwise be believed of no peer', (name) => {
    expect(() => read({ [name]: 'X-User' })).toThrow(new RegExp(`${name} is set but CONSOLE_TRUSTED_PROXY is not`));
  });
});
