/** What many schedules had in them, and those in which something does not hold. */

export interface ScheduleSums {
  schedules: number;
  kills: number;
  payments: number;
  alerts: number;
  commands: number;
  decisions: number;
}

export interface FailedSchedule {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Seeds from `first`, `count` of them. */
export interface Chunk {
  readonly first: number;
  readonly count: number;
}

export interface ChunkResult {
  readonly sums: ScheduleSums;
  readonly failed: readonly FailedSchedule[];
}

export const noSums = (): ScheduleSums => ({ schedules: 0, kills: 0, payments: 0, alerts: 0, commands: 0, decisions: 0 });

export function addSums(sums: ScheduleSums, more: ScheduleSums): void {
  sums.schedules += more.schedules;
  sums.kills += more.kills;
  sums.payments += more.payments;
  sums.alerts += more.alerts;
  sums.commands += more.commands;
  sums.decisions += more.decisions;
}
