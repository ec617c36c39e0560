/** Who gives a command. */
import { userInfo } from 'node:os';
import { isSamePerson } from '../../batches/record/gates.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes } from '../exit.ts';

/** Who asks: the user of the operating system unless a name is given. */
export function personOf({ by }: { readonly by?: string }): string {
  if (by !== undefined && by.trim() !== '') return by.trim();
  try {
    return userInfo().username;
  } catch {
    throw new CommandError(exitCodes.usage, 'the user of this process has no name: give yours with --by NAME.');
  }
}

/**
 * Who asks where two persons are needed: with CONSOLE_ROLES set, names come from the operating system and from the console.
 *
 * @throws {CommandError} exit 1 when another person is named
 */
export function knownPersonOf({ settings }: Config, { by }: { readonly by?: string }): string {
  if (settings.CONSOLE_ROLES === undefined) return personOf({ ...(by === undefined ? {} : { by }) });
  const user = personOf({});
  if (by !== undefined && !isSamePerson(by, user))
    throw new CommandError(
      exitCodes.usage,
      `--by names ${JSON.stringify(by)}, but the user of the operating system is ${user}: while CONSOLE_ROLES is set, no other name can be given.`,
    );
  return user;
}
