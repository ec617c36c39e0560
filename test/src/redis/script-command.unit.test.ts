import { Command } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ScriptCommand } from '../../../src/redis/script-command.ts';

/** As the client itself writes it; with bytes among the arguments it writes bytes. */
const byTheClient = (name: string, args: readonly (string | Buffer)[]): Buffer =>
  Buffer.from(new Command(name, args as (string | Buffer)[]).toWritable({}));

const sizes = [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 1_001, 9_999, 10_000, 100_000];

describe('the call of a script', () => {
  it.each([
    ['none', []],
    ['texts', ['9f3c', '2', 'p:{01}:meta', 'p:{01}:r:pay-1', 'g1 me', '', '{"amount":100}']],
    ['texts of more than one byte a character', ['é', '€', '👛', 'ß'.repeat(100), 'Ж'.repeat(60)]],
    ['bytes', [Buffer.from([0, 255, 13, 10]), Buffer.alloc(0), Buffer.alloc(300, 200)]],
    ['texts and bytes', ['9f3c', Buffer.from([1, 2, 3]), 'é', Buffer.alloc(0), '']],
    ['texts of each number of digits', sizes.map((size) => 'x'.repeat(size))],
    ['bytes of each number of digits', sizes.map((size) => Buffer.alloc(size, 7))],
    ['many', Array.from({ length: 1_234 }, (_, index) => String(index))],
  ] as const)('with %s is what the client itself would write', (_, args) => {
    for (const name of ['eval', 'evalsha'] as const)
      expect(new ScriptCommand(name, [...args]).toWritable().equals(byTheClient(name, args))).toBe(true);
  });

  it('is answered with text', () => {
    expect(new ScriptCommand('evalsha', ['9f3c', '0'])).toMatchObject({ name: 'evalsha', replyEncoding: 'utf8', args: ['9f3c', '0'] });
  });
});
