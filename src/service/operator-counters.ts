/** Counters of operators' commands and of what ended records. */
import { Counter, type Registry } from 'prom-client';
import { operationRequest, operationAnswer, type OperationAnswer, type OperationType } from '../../batches/operations/request.ts';

/** `failed`: it was given up with an error, and nothing is promised of it. */
export type CommandOutcome = OperationAnswer['outcome'] | 'failed';

export const commandTypes: readonly OperationType[] = operationRequest.options.map(({ shape }) => shape.type.value);
export const commandOutcomes: readonly CommandOutcome[] = [...operationAnswer.shape.outcome.options, 'failed'];

/**
 * What the step that made a record final was decided on: the first three come from the gateway; `report`: a row of its report;
 * `resolved`: a person; `cancelled`: it was not sent; `other`: such as a batch that is refused as a whole.
 */
export const endEvidences = ['answer', 'status_check', 'webhook', 'report', 'resolved', 'cancelled', 'other'] as const;
export type EndEvidence = (typeof endEvidences)[number];

export function createOperatorCounters(registers: Registry[]) {
  const commands = new Counter({
    name: 'disburse_commands_total',
    help: "Operators' commands that this process carried out, by type and outcome.",
    labelNames: ['type', 'outcome'] as const,
    registers,
  });
  for (const type of commandTypes) for (const outcome of commandOutcomes) commands.inc({ type, outcome }, 0);
  const ended = new Counter({
    name: 'disburse_records_ended_total',
    help: 'Records that this process made final after their admission, by what showed it (evidence).',
    labelNames: ['evidence'] as const,
    registers,
  });
  for (const evidence of endEvidences) ended.inc({ evidence }, 0);
  return { commands, ended };
}
