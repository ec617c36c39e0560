/**
 * The moves of a record from status to status that Spin meets in the model. The search compares them with what it finds, and
 * a test with what the code does: so the tests need no model checker.
 */
export const modelMoves: readonly string[] = [
  'in_progress cancelled',
  'in_progress failed',
  'in_progress succeeded',
  'in_progress unknown',
  'queued cancelled',
  'queued rejected',
  'queued submitting',
  'submitting cancelled',
  'submitting failed',
  'submitting in_progress',
  'submitting queued',
  'submitting succeeded',
  'submitting unknown',
  'unknown cancelled',
  'unknown failed',
  'unknown in_progress',
  'unknown succeeded',
];
