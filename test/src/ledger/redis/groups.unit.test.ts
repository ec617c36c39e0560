import { describe, expect, it } from 'vitest';
import type { Call } from '../../../../src/ledger/redis/calls.ts';
import { resultsOf, unitsOf } from '../../../../src/ledger/redis/groups.ts';
import { scripts, type Script } from '../../../../src/ledger/redis/scripts.ts';

const callOf = (shard: number, script: Script | undefined, keys: readonly string[], args: readonly string[], whole = false): Call => ({
  shard,
  script,
  command: script === undefined ? 'get' : 'evalsha',
  keys,
  args,
  bytes: false,
  mayPostpone: false,
  whole,
  repeated: false,
  resolve: () => undefined,
  reject: () => undefined,
});

describe('calls that wait together', () => {
  const claim = callOf(1, scripts.claimSession, ['p:{1}:s:1'], ['ps_1', 'inv-1']);
  const published = callOf(1, scripts.published, ['p:{1}:t', 'p:{1}:e'], ['17']);

  it('leave as one call of their shard, with name, keys and arguments of each', () => {
    const [unit, ...others] = unitsOf([claim, published]);
    expect(others).toEqual([]);
    expect(unit?.calls).toEqual([claim, published]);
    expect(unit?.sent.keys).toEqual(['p:{1}:s:1', 'p:{1}:t', 'p:{1}:e']);
    expect(unit?.sent.args).toEqual(['2', ...['claimSession', '\x02', '2', 'ps_1', 'inv-1'], ...['published', '\x03\x04', '1', '17']]);
  });

  it('name a key that they have in common once', () => {
    const again = callOf(1, scripts.published, ['p:{1}:t', 'p:{1}:f'], ['18']);
    const [unit] = unitsOf([published, again]);
    expect(unit?.sent.keys).toEqual(['p:{1}:t', 'p:{1}:e', 'p:{1}:f']);
    expect(unit?.sent.args).toEqual(['2', ...['published', '\x02\x03', '1', '17'], ...['published', '\x02\x04', '1', '18']]);
  });

  it('leave in another group when their keys are too many for one', () => {
    const many = Array.from({ length: 30 }, (_, index) =>
      callOf(
        1,
        scripts.published,
        Array.from({ length: 10 }, (__, key) => `p:{1}:${index}:${key}`),
        [],
      ),
    );
    expect(unitsOf(many).map(({ calls }) => calls.length)).toEqual([12, 12, 6]);
  });

  it('of another shard, and reads and other scripts, leave by themselves', () => {
    const other = callOf(2, scripts.published, ['p:{2}:t', 'p:{2}:e'], ['18']);
    const read = callOf(1, undefined, ['p:{1}:r:inv-1'], []);
    const due = callOf(1, scripts.claimDue, ['p:{1}:queue'], ['1000', '5']);
    const units = unitsOf([claim, other, read, due, published]);
    expect(units.map(({ calls }) => calls)).toEqual([[claim, published], [other], [read], [due]]);
    expect(units[2]?.sent).toBe(read);
    expect(units[3]?.sent).toBe(due);
  });

  it('leave in groups of a bounded size', () => {
    const many = Array.from({ length: 70 }, () => claim);
    expect(unitsOf(many).map(({ calls }) => calls.length)).toEqual([32, 32, 6]);
  });

  it('send the whole script when Redis did not know it for one of them', () => {
    const whole = callOf(1, scripts.published, ['p:{1}:t', 'p:{1}:e'], ['17'], true);
    expect(unitsOf([claim, whole]).map(({ sent }) => sent.whole)).toEqual([true]);
  });
});

describe('the answer of a group', () => {
  const calls = [callOf(1, scripts.claimSession, ['a'], ['b']), callOf(1, scripts.claimSession, ['c'], ['d'])];
  const [unit] = unitsOf(calls);
  if (unit === undefined) throw new Error('there is a group');

  it('gives each call its own', () => {
    const text = 'written\x1f1 1 1 0\x1eknown\x1f1 1 1 0\x1finv-9';
    expect(resultsOf(unit, [null, text])).toEqual([
      [null, ['written', '1 1 1 0']],
      [null, ['known', '1 1 1 0', 'inv-9']],
    ]);
  });

  it('rejects only the call that failed, in the words of its command, whatever Redis 6 put before them', () => {
    const text = 'written\x1f1 1 1 0\x1efailed\x1f@user_script: 12: -MISCONF Errors writing to the AOF file';
    const [written, failed] = resultsOf(unit, [null, text]);
    expect(written).toEqual([null, ['written', '1 1 1 0']]);
    expect(failed?.[0]).toMatchObject({ name: 'ReplyError', message: 'MISCONF Errors writing to the AOF file' });
  });

  it('is for all of them what was answered for the whole group', () => {
    const lost = new Error('connection lost');
    expect(resultsOf(unit, [lost])).toEqual([[lost], [lost]]);
    expect(resultsOf(unit, [null, ['lost', '0']])).toEqual([
      [null, ['lost', '0']],
      [null, ['lost', '0']],
    ]);
  });
});
