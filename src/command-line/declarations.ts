/** All commands, in the order of the help. */
import type { Declaration } from './declaration.ts';
import { console } from './declarations/console.ts';
import { deadLetters, rebuild, topics } from './declarations/distributed.ts';
import { map, run, serve, validate } from './declarations/files.ts';
import { balance, reconcile } from './declarations/gateway.ts';
import { completion, docs } from './declarations/help.ts';
import { alerts, approve, cancel, capture, gates, pause, refuse, resolve, resume, retry } from './declarations/operations.ts';
import { explain, records, results, status, tail, unknowns } from './declarations/records.ts';
import { config, keys, ledger, sandbox, schema, template } from './declarations/tools.ts';

export const declarations: readonly Declaration[] = [
  validate,
  run,
  serve,
  console,
  status,
  records,
  unknowns,
  explain,
  retry,
  resolve,
  pause,
  resume,
  cancel,
  approve,
  refuse,
  gates,
  capture,
  alerts,
  balance,
  reconcile,
  topics,
  deadLetters,
  rebuild,
  tail,
  results,
  ledger,
  config,
  keys,
  template,
  map,
  schema,
  sandbox,
  completion(() => declarations),
  docs,
];
