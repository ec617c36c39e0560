/** A thread that runs the schedules it is given, and answers with what was in them. */
import { parentPort } from 'node:worker_threads';
import { addSums, noSums, type Chunk, type ChunkResult, type FailedSchedule } from './schedule-sums.ts';
import { runSchedule } from './schedule.ts';

async function runChunk({ first, count }: Chunk): Promise<ChunkResult> {
  const sums = noSums();
  const failed: FailedSchedule[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const { violations, kills, payments, alerts, commands, decisions } = await runSchedule(seed);
    addSums(sums, { schedules: 1, kills, payments, alerts, commands, decisions });
    if (violations.length > 0) failed.push({ seed, violations });
  }
  return { sums, failed };
}

parentPort?.on('message', (chunk: Chunk) => void runChunk(chunk).then((result) => parentPort?.postMessage(result)));
