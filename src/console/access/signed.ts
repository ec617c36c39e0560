/** Short texts that only this console can have made: a value, and a hash of it under the console's key. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a text was made for; one made for a purpose is none for another. */
type Purpose = 'login' | 'session' | 'form';

export interface Signed {
  seal(purpose: Purpose, value: unknown): string;
  /** Undefined for any other text. */
  open(purpose: Purpose, text: string): unknown;
  /** Without a value: the same for the same words. */
  mark(purpose: Purpose, words: string): string;
  isMark(purpose: Purpose, words: string, mark: string): boolean;
}

const longest = 4_096;

export function createSigned(key: Buffer): Signed {
  const mark = (purpose: Purpose, words: string): string =>
    createHmac('sha256', key).update(`disburse:console:${purpose}\0${words}`).digest('base64url');
  const isMark = (purpose: Purpose, words: string, given: string): boolean => {
    const [expected, found] = [Buffer.from(mark(purpose, words)), Buffer.from(given)];
    return expected.length === found.length && timingSafeEqual(expected, found);
  };
  return {
    mark,
    isMark,
    seal(purpose, value) {
      const words = Buffer.from(JSON.stringify(value)).toString('base64url');
      return `${words}.${mark(purpose, words)}`;
    },
    open(purpose, text) {
      const [words = '', given = '', ...more] = text.length > longest ? [] : text.split('.');
      if (more.length > 0 || words === '' || !isMark(purpose, words, given)) return undefined;
      return JSON.parse(Buffer.from(words, 'base64url').toString('utf8')) as unknown;
    },
  };
}
