/** Mistakes in what must hold before money moves. */
import type { Mutation } from './mutations.ts';

const approval = 'batches/operations/approval.ts';
const gates = 'batches/record/gates.ts';
const submission = 'src/files/submission.ts';

const one = (name: string, file: string, text: string, replacement: string): Mutation => ({
  name,
  patches: [{ file, text, replacement }],
});

export const ofGates: readonly Mutation[] = [
  one(
    'the step that writes an intent does not check limits and approvals',
    'src/ledger/memory/advance.ts',
    'const hold = intent === undefined ? null : holdOfSend(',
    'const hold = intent === undefined || store !== undefined ? null : holdOfSend(',
  ),
  one(
    'a record whose intent is refused with its admission is sent',
    'src/ledger/memory/admit-with-intent.ts',
    "return advance(writer, change).ok ? { type: 'intended', record: change.after } : verdict;",
    "advance(writer, change);\n  return { type: 'intended', record: change.after };",
  ),
  one('an approval is of a file, whatever its totals', approval, 'if (differences.length > 0)', 'if (differences.length < 0)'),
  {
    name: 'an approval does not look at how rows were read',
    patches: [
      { file: approval, text: 'if (isBeyond(', replacement: 'if (totalsOf([]).size > 0 && isBeyond(' },
      { file: submission, text: 'if (submission === null) return;', replacement: 'if (submission === null || file !== "") return;' },
    ],
  },
  one(
    'a row that reads otherwise keeps the approval of its file',
    'batches/pipeline/admit-file.ts',
    'if (isSameFingerprint(fingerprint, admission.content.fingerprint)) return;',
    'if (isSameFingerprint(fingerprint, fingerprint)) return;',
  ),
  one('who submits a file approves it', approval, 'if (isSamePerson(submission.by, by))', 'if (submission.by === "")'),
  {
    name: 'a refused file can be approved',
    patches: [
      { file: approval, text: 'if (refusal !== null) return refused(', replacement: 'if (refusal === undefined) return refused(' },
      { file: approval, text: 'if (cancelled !== undefined) return', replacement: 'if (cancelled === null) return' },
    ],
  },
  one(
    'of two decisions at once both count',
    'src/ledger/memory/gates.ts',
    'if ((kept.get(batchId) ?? noTerms).number !== expected) return false;',
    'if (expected < 0) return false;',
  ),
  one('a file above the limit is admitted', submission, 'if (above.length > 0)', 'if (above.length < 0)'),
  one('rows leave before their time', gates, 'now < terms.notBefore ?', 'now < 0 ?'),
  one(
    'what is left to a person is confirmed',
    'batches/pipeline/follow.ts',
    "return own === 'manual' || (await pauses.confirm()) === 'manual';",
    "return own === 'manual';",
  ),
];
