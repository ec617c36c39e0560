/** What to do about a column whose name is not known. A proposal stays within one meaning: following it must not move money. */
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import { editDistance } from '../fields/suggest-name.ts';
import { disallowedCharacter } from '../fields/text.ts';
import { maskName } from '../instruction/masks.ts';
import { columnNames, members } from '../instruction/members.ts';
import { looksLikeDestination, plainName, synonymsOf } from './column-synonyms.ts';

const longestName = 100;

/** Members that say how much, or where to. Letters alone never propose them: `account` is two letters from `amount`. */
const guarded: ReadonlySet<number> = new Set(
  members.flatMap(({ name, method }, slot) => (method !== undefined || /amount|currency|swift|country|msisdn/.test(name) ? [slot] : [])),
);

/** The same letters, except that two neighbours are swapped or a letter is doubled: a slip of the hand, and no other word. */
const isSlip = (one: string, other: string): boolean => {
  if (one.length === other.length) return editDistance(one, other) === 1 && [...one].sort().join('') === [...other].sort().join('');
  const squeeze = (text: string): string => text.replace(/(.)\1+/g, '$1');
  return Math.abs(one.length - other.length) === 1 && squeeze(one) === squeeze(other);
};

const prefix = /^(?:recipient|sender|customer|card|wallet|recurrent)/;

/** A quarter of what follows the common prefix may be mistyped: `recipientId` is not `recipient_city`. */
const isNear = (one: string, other: string): number | undefined => {
  const shared = prefix.exec(one)?.[0];
  const skip = shared !== undefined && other.startsWith(shared) ? shared.length : 0;
  const [a, b] = [one.slice(skip), other.slice(skip)];
  const distance = editDistance(a, b);
  return distance <= Math.floor(a.length / 4) ? distance : undefined;
};

function nearestColumn(name: string): string | undefined {
  const wanted = plainName(name);
  if (wanted === '' || name.length > longestName) return undefined;
  let nearest: { readonly name: string; readonly distance: number } | undefined;
  for (const [candidate, { slot }] of columnNames) {
    const plain = plainName(candidate);
    const distance = wanted === plain ? 0 : guarded.has(slot) ? (isSlip(wanted, plain) ? 1 : undefined) : isNear(wanted, plain);
    if (distance !== undefined && distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) nearest = { name: candidate, distance };
  }
  return nearest?.name;
}

const listed = (names: readonly string[]): string => names.join(', ').replace(/, ([^,]*)$/, ' or $1');

const mixed = /[a-z]/i;
const lookalike = /\p{Script=Cyrillic}|\p{Script=Greek}/u;

/** A sign that a person cannot see, or sees as another one. */
function hiddenCharacter(name: string, trimmed: string): RuleViolation | undefined {
  const shown = maskName(trimmed.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, ''));
  const odd = disallowedCharacter(name);
  if (odd !== undefined)
    return violation('header_unknown', `The column "${shown}" has a character in its name that does not show. ${odd.message}`);
  const letter = lookalike.exec(trimmed)?.[0];
  if (letter === undefined || !mixed.test(trimmed)) return undefined;
  const code = `U+${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  const position = [...trimmed].indexOf(letter) + 1;
  return violation(
    'header_unknown',
    `The column "${shown}" has a letter of another script in its name: ${code} is at character ${position}. Type the name again.`,
  );
}

/**
 * @param trimmed the name as the file spells it, without the blanks around it
 * @param present names of the header's other columns, in lower case
 */
export const unknownColumn = (trimmed: string, present: ReadonlySet<string>): RuleViolation => {
  const name = trimmed.toLowerCase();
  if (name === 'metadata') return violation('header_unknown', 'A column of metadata is named metadata.<key>: add the key.');
  if (/^(?:payment_method|payment_details)(?:\..*)?\.?(?:type|system_type)$/.test(name)) {
    return violation('header_unknown', 'The type is derived from the columns that a row fills: remove this column.');
  }
  const hidden = hiddenCharacter(trimmed, trimmed);
  if (hidden !== undefined) return hidden;
  const unknown = `Unknown column "${maskName(trimmed)}"`;
  const synonyms = synonymsOf(trimmed);
  const nearest = synonyms.length > 0 ? synonyms : [nearestColumn(trimmed)].filter((found) => found !== undefined);
  const free = nearest.filter((proposal) => !present.has(proposal));
  if (free.length > 0) return violation('header_unknown', `${unknown}: did you mean ${listed(free)}?`);
  if (nearest.length > 0) return violation('header_unknown', `${unknown}: the file already has ${listed(nearest)}. Remove one of the two.`);
  if (looksLikeDestination(trimmed)) {
    return violation(
      'header_unknown',
      `${unknown}: it seems to say who is paid, where to or how much. Put its values into the column that is meant for them, or remove it.`,
    );
  }
  return violation('header_unknown', `${unknown}: remove it, or name it metadata.<key> to have it echoed.`);
};
