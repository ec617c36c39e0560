/**
 * What may be shown of what must not be shown. Masks are part of the contract: card first 6 and last 4, IBAN country and
 * last 4, anything else last 4 and nothing at all under 8 characters; a run of 12 or more digits is masked everywhere.
 */

const tailLength = 4;
const shortestShown = 8;
const shortestCard = 13;

/**
 * 12 or more digits, also with up to two blanks, dashes, dots, slashes or underscores between them: a card number in the
 * wrong column is usually pasted as it is printed on the card. Digits of any script.
 */
const digitRun = /\p{Nd}(?:[\s._/\u2010-\u2015-]{0,2}\p{Nd}){11,}/gu;
const nonDigits = /\P{Nd}/gu;

/** `…3000`: the last 4 characters; undefined under 8 characters. */
export const maskTail = (text: string): string | undefined => (text.length < shortestShown ? undefined : `…${text.slice(-tailLength)}`);

/** `424242…4242`, also of a number with blanks or dashes; of too few digits for a card, `maskTail`. */
export const maskCard = (text: string): string | undefined => {
  const digits = text.replace(nonDigits, '');
  return digits.length < shortestCard ? maskTail(text) : `${digits.slice(0, 6)}…${digits.slice(-tailLength)}`;
};

/** `DE**…3000`; of what does not begin like an IBAN, `maskTail`. */
export const maskIban = (text: string): string | undefined => {
  if (text.length < shortestShown) return undefined;
  return /^[A-Za-z]{2}[0-9]/.test(text) ? `${text.slice(0, 2).toUpperCase()}**…${text.slice(-tailLength)}` : maskTail(text);
};

/**
 * Masks every run of 12 or more digits, grouped or not, and keeps the rest: for texts that others wrote (log lines,
 * the gateway's descriptions, a value in the wrong column).
 */
export const maskDigits = (text: string): string => text.replace(digitRun, (run) => `…${run.replace(nonDigits, '').slice(-tailLength)}`);

const ibanLike = /\b[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}\b/g;
const accountLike = /\p{Nd}{6,}/gu;
const longestShown = 64;

/** For sentences of others that may quote an account: what looks like an IBAN and any 6 digits in a row are masked. */
export const maskQuoted = (text: string): string =>
  text
    .replace(ibanLike, (found) => (/[0-9]{6}/.test(found.replace(/[ -]/g, '')) ? (maskIban(found) ?? '…') : found))
    .replace(digitRun, '…')
    .replace(accountLike, '…');

/** For what a person typed: digits and what looks like an IBAN are masked, the rest stays. */
export const maskTyped = (text: string): string =>
  maskDigits(text.replace(ibanLike, (found) => (/[0-9]{6}/.test(found.replace(/[ -]/g, '')) ? (maskIban(found) ?? '…') : found)));

/** For the few columns whose value is shown verbatim: masked in the same way, and cut after 64 characters. */
export const maskVerbatim = (text: string): string => {
  const masked = maskTyped(text);
  return masked.length > longestShown ? `${masked.slice(0, longestShown)}…` : masked;
};

/** For an unknown header name: a file without a header has data there, so any 6 digits in a row are masked too. */
export const maskName = (text: string): string => maskVerbatim(text).replace(accountLike, '…');
