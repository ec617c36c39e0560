/** Who asks, and what that person may do. */
import type { ConsoleRole, RolesByName } from '../../config/console-values.ts';
import { consoleRoles } from '../../config/console-values.ts';

/**
 * @property from where the person is, for the audit trail
 * @property form the hidden field `csrf` of this person's forms
 */
export interface Person {
  readonly name: string;
  readonly roles: ReadonlySet<ConsoleRole>;
  readonly from: string;
  readonly form: string;
}

/** Each person has all roles where none are set. @param groups without the sign `@` */
export function rolesOf(roles: RolesByName | undefined, name: string, groups: readonly string[] = []): ReadonlySet<ConsoleRole> {
  if (roles === undefined) return new Set(consoleRoles);
  // A person who is called like a group is not in it.
  const names = [...(name.startsWith('@') ? [] : [name]), ...groups.map((group) => `@${group}`)];
  return new Set(names.flatMap((one) => [...(roles.get(one) ?? [])]));
}
