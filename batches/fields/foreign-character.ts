/** A character of another script in a value of ASCII only: it looks right, so the message must show which one it is. */
import type { RuleViolation } from './rule-violation.ts';

const scripts = 'Cyrillic Greek Armenian Hebrew Arabic Devanagari Thai Han Hiragana Katakana Hangul Cherokee Georgian'
  .split(' ')
  .map((name) => [new RegExp(`\\p{Script=${name}}`, 'u'), name] as const);
const wide = /[\uff01-\uff5e]/;

const kindOf = (character: string): string => {
  const script = scripts.find(([pattern]) => pattern.test(character))?.[1] ?? (wide.test(character) ? 'full-width' : undefined);
  return script === undefined ? '' : `, ${script}`;
};

/** `The character В (U+0412, Cyrillic) is at character 1.`; undefined where every character is ASCII. */
export const foreignCharacter = (text: string): string | undefined => {
  let position = 0;
  for (const character of text) {
    position += 1;
    const codePoint = character.codePointAt(0) ?? 0;
    if (codePoint < 0x80) continue;
    const hex = codePoint.toString(16).toUpperCase().padStart(4, '0');
    const shown = /\s/.test(character) ? 'space' : `character ${character}`;
    return `The ${shown} (U+${hex}${kindOf(character)}) is at character ${position}.`;
  }
  return undefined;
};

/** The violation of a grammar of ASCII; its message begins with the first other character, if there is one. */
export const namingForeign = (text: string, { code, message }: RuleViolation): RuleViolation => {
  const found = foreignCharacter(text);
  return { code, message: found === undefined ? message : `${found} ${message}` };
};
