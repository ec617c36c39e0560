/**
 * Bounds of an event that were not met by any rule of its content: how deep and large it may be, and what no JSON of it
 * may carry, known member or not. One walk, before anything else looks at it.
 */
import { eventBounds } from '../instruction/bounds.ts';
import { cardNumberMisplaced, carriesCardNumber } from '../fields/cards.ts';
import { isNumberLiteral } from '../fields/strict-json.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';

/** What the walk found. `stop`: the event is not to be looked at any further. */
export interface Bounds {
  readonly stop: RuleViolation | undefined;
  readonly found: readonly { readonly path: string; readonly fault: RuleViolation }[];
  /** A member of the body that no rule knows carries a card number. */
  readonly cardElsewhere: boolean;
  /** Paths of numbers that are not written as plain integers. */
  readonly oddNumbers: ReadonlySet<string>;
}

const tooDeep = violation('event_too_deep', `The event is nested deeper than ${eventBounds.depth} levels: flatten it.`);
const tooLarge = violation(
  'event_too_large',
  `The event is larger than ${eventBounds.members} members or ${eventBounds.characters} characters: shorten it.`,
);
const badName = violation('member_name', 'The name of this member has control characters or is __proto__: rename it.');
const inexact = violation('number_inexact', 'This number is too large to be read exactly: send it as a string.');
const notPlain = violation(
  'number_format',
  'A number in an instruction must be a plain integer such as 1000: send one with decimals or an exponent as a text.',
);
const loneSurrogate = violation(
  'lone_surrogate',
  'This text contains half of a character: it was cut off or decoded incorrectly; enter it again.',
);

const oddName = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * @param known paths that the rules know; only others are searched for card numbers, and none below `metadata`, which is searched by its own rule
 */
export const walkEvent = (event: unknown, known: (path: string) => boolean): Bounds => {
  const found: { path: string; fault: RuleViolation }[] = [];
  let members = 0;
  let characters = 0;
  let stop: RuleViolation | undefined;
  let cardElsewhere = false;
  const oddNumbers = new Set<string>();

  const leaf = (value: unknown, path: string): void => {
    if (typeof value === 'string') {
      characters += value.length;
      if (!value.isWellFormed() && !known(path)) found.push({ path, fault: loneSurrogate });
    }
    if (isNumberLiteral(value) || (typeof value === 'number' && Number.isFinite(value) && !Number.isInteger(value))) {
      oddNumbers.add(path);
      // The rules of a known member, and of the metadata as a whole, report it themselves.
      if (!known(path) && path !== 'metadata') found.push({ path, fault: notPlain });
      return;
    }
    if (
      typeof value === 'number' &&
      (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) &&
      !known(path)
    ) {
      found.push({ path, fault: inexact });
    }
    const searched = (typeof value === 'string' || typeof value === 'number') && !known(path) && !path.startsWith('metadata');
    if (searched && carriesCardNumber(String(value))) cardElsewhere = true;
  };

  const visit = (value: unknown, path: string, depth: number): void => {
    members += 1;
    if (members > eventBounds.members || characters > eventBounds.characters) stop = tooLarge;
    if (depth > eventBounds.depth) stop = tooDeep;
    if (stop !== undefined) return;
    if (typeof value !== 'object' || value === null || isNumberLiteral(value)) {
      leaf(value, path);
      return;
    }
    for (const key of Object.keys(value)) {
      characters += key.length;
      const below = path === '' ? key : `${path}.${key}`;
      if (key === '__proto__' || oddName.test(key) || !key.isWellFormed()) found.push({ path, fault: badName });
      else if (carriesCardNumber(key)) found.push({ path, fault: cardNumberMisplaced });
      else visit((value as Readonly<Record<string, unknown>>)[key], below, depth + 1);
    }
  };

  visit(event, '', 0);
  if (characters > eventBounds.characters) stop ??= tooLarge;
  return { stop, found, cardElsewhere, oddNumbers };
};
