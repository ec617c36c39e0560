/** A dead letter is published again, as a new message. */
import type { Hono } from 'hono';
import { systemClock } from '../../clock.ts';
import { kafkaOf } from '../../kafka/client.ts';
import { openLetterSeal } from '../../kafka/dead-letter-seal.ts';
import { redrive } from '../../kafka/redrive.ts';
import { topicNames } from '../../kafka/topic-plan.ts';
import type { Logger } from '../../logger.ts';
import { sharedLedgerKey } from '../../profiles/distributed/connect.ts';
import { Refusal, type ConsoleEnv } from '../access/guard.ts';
import type { Person } from '../access/person.ts';
import { at, type Markup } from '../markup.ts';
import type { Notes } from '../notes.ts';
import type { ReadLetters } from '../pages/dead-letters.ts';
import { actionForm } from '../pieces/forms.ts';
import { action } from '../routes.ts';
import { askedBy, isAllowed, journalled, type ActDeps } from './act.ts';

export interface RedriveDeps extends ActDeps {
  readonly letters: ReadLetters;
  readonly logger: Logger;
}

export function addRedrive(app: Hono<ConsoleEnv>, notes: Notes, deps: RedriveDeps): void {
  action(app, notes, {
    path: '/dead-letters/:place/redrive',
    role: 'operator',
    run: async (doing) => {
      const asked = askedBy(doing, 'needed');
      const place = doing.param('place');
      const work = async () => {
        const published = await redriveLetter(deps, place);
        const text = `Published as a new message, ${published}; the dead letter is kept.`;
        return { outcome: 'done', text, data: { place, published } } as const;
      };
      return { answer: await journalled(deps, asked, { action: 'redrive', about: place, work }), back: '/dead-letters' };
    },
  });
}

async function redriveLetter({ config, letters, logger }: RedriveDeps, place: string): Promise<string> {
  for await (const letter of letters?.() ?? []) {
    if (letter.place !== place) continue;
    const createKafka = kafkaOf(config, (level, message) => logger[level](message));
    const { instructions } = topicNames(config.settings.KAFKA_TOPIC_PREFIX);
    const seal = openLetterSeal(sharedLedgerKey(config));
    return redrive(letter, { createKafka, clock: systemClock, topic: instructions, seal, onWarning: (message) => logger.warn(message) });
  }
  throw new Refusal(404, 'no_letter', `There is no dead letter at ${place}.`);
}

export const redriveForm = (person: Person, place: string): Markup | null =>
  isAllowed(person)
    ? actionForm({
        person,
        action: at('dead-letters', place, 'redrive'),
        title: 'Redrive',
        button: 'Publish again',
        reason: 'needed',
        about: 'As a new message at the end of the instructions topic.',
      })
    : null;
