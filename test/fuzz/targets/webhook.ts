/** A webhook: bytes and a signature to an answer, over a ledger in memory and the whole pipeline. */
import assert from 'node:assert/strict';
import { createVerifier, type Verifier } from '../../../batches/gateway/signature.ts';
import { webhookTypes } from '../../../batches/record/webhook-evidence.ts';
import { isBalanced } from '../../../batches/record/tally.ts';
import { parseWebhook } from '../../../consumers/webhook/parse-webhook.ts';
import { webhookLabels, webhookOutcomes } from '../../../consumers/webhook/webhook-receiver.ts';
import { openWorld, ours, type World } from '../../consumers/webhook/world.ts';
import { ourPair } from '../key-pair.ts';
import { checkStep, sessionSeeds, sessionTokens } from '../session-seeds.ts';
import type { Target } from '../target.ts';

/** A real signature of every input would take longer than everything else. */
const authentic = 'authentic';
const verifier: Verifier = { verify: async (_bytes, signature) => signature === authentic };
const faults = ['not_json', 'member_twice', 'too_deep', 'no_session', 'session_unreadable'];
const inputsOfAWorld = 100;

const seeds = (): readonly Buffer[] =>
  sessionSeeds(ours()).flatMap((session, index) =>
    [webhookTypes[index % webhookTypes.length], 'something_else'].map((type) => Buffer.from(JSON.stringify({ type, session }))),
  );

export const webhookTarget = (): Target => {
  const rsa = createVerifier(ourPair.publicKey);
  let world: World | undefined;
  let inputs = 0;
  const worldFor = async (): Promise<World> => {
    inputs += 1;
    if (world === undefined || inputs % inputsOfAWorld === 0) {
      world = await openWorld({ verifier });
      await world.send();
    }
    return world;
  };
  return {
    name: 'webhook',
    share: 200,
    maxBytes: 64 * 1024,
    seeds: seeds(),
    tokens: [...sessionTokens, ...webhookTypes.map((type) => `"type":"${type}",`)],
    async run(bytes) {
      checkParsing(bytes);
      const text = bytes.toString('latin1', 0, 400);
      assert.equal(await rsa.verify(bytes, text), false, 'what is no signature is not believed');
      const current = await worldFor();
      await checkRefused(current, bytes, text);
      if (await checkTaken(current, bytes)) world = undefined;
    },
    close: () => undefined,
  };
};

function checkParsing(bytes: Buffer): void {
  const parsed = parseWebhook(bytes);
  if (parsed.ok) assert.ok(parsed.session.id !== '');
  else assert.ok(faults.includes(parsed.fault) && !/\d{12}/.test(parsed.message), 'a fault is documented and shows no number');
}

/** What the ledger holds, for comparing. */
const snapshot = ({ store }: World): string =>
  JSON.stringify([...store.records.values(), [...store.outbox.values()], [...store.sessions]], (_key, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );

async function checkRefused(world: World, bytes: Buffer, signature: string): Promise<void> {
  const before = snapshot(world);
  const alerts = world.alerts.length;
  for (const one of [undefined, '', signature]) {
    const answer = await world.receiver.receive(bytes, one);
    assert.deepEqual(
      [answer.status, answer.type, answer.outcome],
      [401, 'unverified', 'bad_signature'],
      'without a signature it is refused',
    );
  }
  assert.equal(snapshot(world), before, 'a webhook that is not authentic changes nothing');
  assert.equal(world.alerts.length, alerts, 'a webhook that is not authentic raises no alert');
}

/** @returns whether the record has ended */
async function checkTaken(world: World, bytes: Buffer): Promise<boolean> {
  const before = await world.record();
  const answer = await world.receiver.receive(bytes, authentic);
  assert.deepEqual(world.failures, [], 'the ledger takes what a webhook teaches');
  assert.ok([200, 400].includes(answer.status), `${answer.status} is an answer to a webhook that is authentic`);
  assert.ok(webhookOutcomes.includes(answer.outcome) && webhookLabels.includes(answer.type));
  await world.acted();
  assert.deepEqual(world.failures, [], 'what a webhook asks for is done');
  const after = await world.record();
  if (answer.status === 400) assert.equal(after.version, before.version, 'what cannot be read changes nothing');
  else assert.deepEqual(answer.body, { status: 'ok' });
  checkStep(before, after, answer.status === 200 ? JSON.parse(bytes.toString('utf8')) : undefined);
  assert.ok(isBalanced(await world.ledger.tallies()), 'the tallies balance');
  return after.status !== before.status && after.status !== 'in_progress';
}
