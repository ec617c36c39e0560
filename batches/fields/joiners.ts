/**
 * U+200C and U+200D: spelling in some scripts, where another name would remain without them (RFC 5892, appendix A.1 and
 * A.2), and dirt everywhere else.
 */

/** Scripts whose letters join or form clusters. */
const scripts =
  'Arab Syrc Mong Nkoo Mand Phag Adlm Rohg Deva Beng Guru Gujr Orya Taml Telu Knda Mlym Sinh Khmr Mymr Tibt Java Bali Sund Lana Cham'.split(
    ' ',
  );
const anyScript = scripts.map((script) => `\\p{Script_Extensions=${script}}`).join('');
const letter = new RegExp(`^(?=\\p{L})[${anyScript}]`, 'u');
/** A letter, or a mark on one: a vowel sign, or one that doubles it. */
const letterOrMark = new RegExp(`^(?=[\\p{L}\\p{M}])[${anyScript}]`, 'u');
/** The viramas of these scripts (canonical combining class 9): a joiner behind one chooses the form of the letter before it. */
const virama =
  /^[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0f84\u1039\u103a\u1714\u17d2\u1a60\u1b44\u1baa\ua8c4\ua9c0]/u;

export const isJoiner = (character: string): boolean => character === '\u200c' || character === '\u200d';

/**
 * Whether a joiner between these two is spelling.
 *
 * @param before the character before it; empty at the start
 * @param after the text behind it
 */
export const isSpelling = (before: string, after: string): boolean =>
  virama.test(before) || (letterOrMark.test(before) && letter.test(after));
