/** Every reader of bytes from outside. */
import type { Target } from './target.ts';
import { answerTarget } from './targets/answer.ts';
import { configTarget } from './targets/config.ts';
import { csvTarget } from './targets/csv.ts';
import { eventTarget } from './targets/event.ts';
import { formTarget } from './targets/form.ts';
import { reportTarget } from './targets/report.ts';
import { spreadsheetTarget } from './targets/spreadsheet.ts';
import { statementTarget } from './targets/statement.ts';
import { webhookTarget } from './targets/webhook.ts';
import { workbookTarget } from './targets/workbook.ts';

export const targets: Readonly<Record<string, () => Target>> = {
  csv: csvTarget,
  event: eventTarget,
  webhook: webhookTarget,
  answer: answerTarget,
  config: configTarget,
  form: formTarget,
  report: reportTarget,
  workbook: workbookTarget,
  spreadsheet: spreadsheetTarget,
  statement: statementTarget,
};
