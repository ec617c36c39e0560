import { execFile } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { goClient, hasGo, hasPython, javaClient, pythonClient, type ClientProgram } from '../support/client-programs.ts';
import { kafkaBrokers, redisUrl } from '../support/services.ts';
import { inCluster, once, type Cluster } from './cluster.ts';

const servers = () => ({ kafkaBrokers: kafkaBrokers(), redisUrl: redisUrl() });

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

const run = ({ command, args, env }: ClientProgram, { prefix }: Cluster, recordId: string): Promise<Ended> =>
  new Promise((done, failed) => {
    const all = [...args, kafkaBrokers(), prefix, recordId, '1230', 'EUR'];
    execFile(command, all, { env: { ...process.env, ...env }, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') return failed(new Error(stderr, { cause: error }));
      done({ code: Number(error?.code ?? 0), lines: stdout.split('\n').filter((line) => line !== '') });
    });
  });

/** A result event with the members that readers rely on, and one that they do not know. */
const told = (recordId: string, sequence: number, status: string, final: boolean) => ({
  event_id: `00000000-0000-5000-8000-${String(sequence).padStart(12, '0')}`,
  sequence,
  record_id: recordId,
  status,
  final,
  batch_id: 'may',
  source: { topic: 'payouts.instructions', partition: 0, offset: '1' },
  occurred_at: '2026-11-21T10:47:24.711Z',
  added_later: { by: 'a newer version' },
  version: 1,
});

interface Language {
  readonly name: string;
  readonly program: () => Promise<ClientProgram>;
}

// Java runs everywhere, since Kafka needs it; the others where the language is on the machine.
const languages: readonly Language[] = [
  { name: 'Java', program: javaClient },
  ...((await hasPython()) ? [{ name: 'Python', program: pythonClient }] : []),
  ...((await hasGo()) ? [{ name: 'Go', program: goClient }] : []),
];

describe.each(languages)('the example in $name', ({ program }) => {
  let client: ClientProgram;
  beforeAll(async () => {
    client = await program();
  });

  it('publishes a payout that is paid once, also when it runs twice', async () => {
    await inCluster(servers(), {}, async (cluster) => {
      await cluster.serve();
      const first = await run(client, cluster, 'inv-7');
      expect(first).toMatchObject({ code: 0, lines: expect.arrayContaining([expect.stringMatching(/^\d+ succeeded/)]) });
      const second = await run(client, cluster, 'inv-7');
      expect(second.code).toBe(0);
      expect(cluster.sandbox.payments()).toHaveLength(1);
      expect(once(await cluster.results()).filter(({ record_id: id }) => id === 'inv-7').length).toBeGreaterThan(0);
    });
  });

  it('shows each event once and the newest state last, whatever is on the topic twice, too late, or of another record', async () => {
    await inCluster(servers(), { partitions: 1 }, async (cluster) => {
      const events = [
        told('other', 1, 'failed', true),
        told('inv-8', 1, 'unknown', false),
        told('inv-8', 1, 'unknown', false),
        told('inv-8', 3, 'in_progress', false),
        told('inv-8', 2, 'unknown', false),
        told('inv-8', 4, 'duplicate', true),
        told('inv-8', 5, 'failed', true),
      ].map((event, index) => (index === 0 ? { ...event, event_id: 'ffffffff-0000-5000-8000-000000000000' } : event));
      await cluster.produce(events, { to: 'results' });
      const { code, lines } = await run(client, cluster, 'inv-8');
      expect(lines.map((line) => line.trim())).toEqual(['1 unknown', '3 in_progress', '4 duplicate', '5 failed']);
      expect(code).toBe(1);
    });
  });
});
