/** Mistakes that the model must find: each replaces text of the model, and makes it pay twice or report a wrong end. */

export interface ModelMutation {
  readonly name: string;
  /** Must be in the model exactly once. */
  readonly text: string;
  readonly replacement: string;
  /** One of those that the tests check. */
  readonly isFast?: true;
}

export const modelMutations: readonly ModelMutation[] = [
  {
    name: 'the intent is written after the send',
    text: 'if :: isFirst -> move(submitting); isYoung',
    replacement: 'if :: isFirst -> isYoung',
  },
  {
    name: 'a resend leaves although the gateway may have forgotten the key',
    text: 'isLive[_pid] && (isFirst || isYoung[mine]) ->',
    replacement: 'isLive[_pid] ->',
    isFast: true,
  },
  {
    name: 'a timeout counts as failed',
    text: 'reply == no_answer && isFirst && newest == _pid -> move(unknown)',
    replacement: 'reply == no_answer && isFirst && newest == _pid -> move(failed)',
    isFast: true,
  },
  {
    name: 'a resend has a new key',
    text: 'reply == none -> arrive(mine, mine)',
    replacement: 'reply == none -> arrive(mine, mine + 2 * (1 - isFirst))',
  },
  {
    name: 'the bytes leave although the lease is over',
    text: 'isLive[_pid] && (isFirst || isYoung[mine]) ->',
    replacement: '(isFirst || isYoung[mine]) ->',
  },
  {
    name: 'a record is taken over although the lease of its sender runs, and returns to the queue',
    text: 'status == submitting && !isLeased -> move(unknown)',
    replacement: 'status == submitting -> move(queued)',
  },
  {
    name: 'a refusal of a resend ends the record',
    text: 'reply == refused && isFirst && isOnlySend -> move(failed)',
    replacement: 'reply == refused -> move(failed)',
  },
  {
    name: 'a send that was overtaken returns the record to the queue',
    text: 'reply == not_sent && isFirst && newest == _pid && status == submitting && isOnlySend -> move(queued)',
    replacement: 'reply == not_sent && isFirst -> move(queued)',
  },
  {
    name: 'an answer to an earlier attempt moves the record',
    text: 'isFinal || mine != attempt || sends == 0 -> skip',
    replacement: 'isFinal || sends == 0 -> skip',
  },
  {
    name: 'the answer of a send moves a record that has ended',
    text: 'isFinal || mine != attempt || sends == 0 -> skip',
    replacement: 'mine != attempt || sends == 0 -> skip',
  },
  {
    name: 'a person ends a record while the lease of a send runs',
    text: 'status != queued && !isLeased && session[attempt] != open',
    replacement: 'status != queued && session[attempt] != open',
  },
  {
    name: 'a person sends an open record again as the next attempt',
    text: '(status == failed || status == cancelled) && !byPerson',
    replacement: '(status == failed || status == unknown) && !byPerson',
  },
];
