/**
 * The shape of an instruction event, as zod objects: what `disburse schema instruction` prints and what an event is held
 * against before the rules of its content. The envelope is strict; the gateway's own objects let unknown members pass.
 *
 * Patterns and bounds stand here only as documentation (`meta`): they are checked by the rules that rows meet too, which
 * tell what is wrong under the same codes.
 */
import { z } from 'zod';
import { members } from '../instruction/members.ts';
import { maxAmountMinor } from '../fields/money.ts';

const text = (): z.ZodString => z.string().min(1);

/** The known texts of one of the gateway's objects, from the member table. */
const texts = (parent: string): Record<string, z.ZodOptional<z.ZodString>> =>
  Object.fromEntries(
    members
      .flatMap(({ places }) => places.map(({ path }) => path))
      .filter((path) => path.startsWith(`${parent}.`) && !path.slice(parent.length + 1).includes('.'))
      .map((path) => [path.slice(parent.length + 1), text().optional()]),
  );

const global = z.literal('global');

const paymentMethod = z
  .looseObject({
    type: z.enum(['bank_account', 'wallet', 'card']),
    bank_account: z.looseObject({ system_type: global, global: z.looseObject(texts('payment_method.bank_account.global')) }).optional(),
    wallet: z.looseObject({ type: global, global: z.looseObject(texts('payment_method.wallet.global')) }).optional(),
    card: z
      .looseObject({
        type: z.enum(['bank_card', 'encrypted_card', 'tokenized_card']),
        bank_card: z.looseObject(texts('payment_method.card.bank_card')).optional(),
        encrypted_card: z.looseObject(texts('payment_method.card.encrypted_card')).optional(),
        tokenized_card: z.looseObject(texts('payment_method.card.tokenized_card')).optional(),
      })
      .optional(),
  })
  .describe('How the money reaches the recipient: exactly the object that type names.');

const paymentDetails = z
  .looseObject({
    type: z.enum(['card', 'recurrent']),
    card: z
      .looseObject({ type: z.literal('bank_card'), bank_card: z.looseObject(texts('payment_details.card.bank_card')).optional() })
      .optional(),
    recurrent: z.looseObject(texts('payment_details.recurrent')).optional(),
  })
  .describe('How the customer pays: exactly the object that type names.');

const amountDetails = z.looseObject({
  amount: z.int().min(1).max(Number(maxAmountMinor)).describe('In minor units of the currency (ISO 4217): 100 USD is 10000.'),
  currency: text().meta({ pattern: '^[A-Za-z]{3}$', description: 'ISO 4217, any case.' }),
});

const participantDetails = z.looseObject({
  recipient: z
    .looseObject({
      ...texts('participant_details.recipient'),
      identity_document: z.looseObject(texts('participant_details.recipient.identity_document')).optional(),
    })
    .optional(),
  sender: z.looseObject(texts('participant_details.sender')).optional(),
});

const customer = z.looseObject({
  ...texts('customer'),
  contacts: z.array(z.looseObject({ email: text().optional() })).optional(),
});

const paymentOptions = z.looseObject({ return_url: text().optional(), recurrent: z.boolean().optional() });

const envelope = {
  record_id: z.string().meta({ pattern: '^[A-Za-z0-9._:-]{1,64}$', description: 'Identifies the instruction; unique per project.' }),
  batch_id: z
    .string()
    .meta({ pattern: '^[A-Za-z0-9._:-]{1,64}$', description: 'Groups events; 64 hexadecimal digits are reserved for files.' })
    .optional(),
  metadata: z
    .union([z.string(), z.int(), z.looseObject({})])
    .describe('Echoed by the gateway and included in results. The keys record_id and attempt are reserved.')
    .optional(),
  amount_details: amountDetails,
  participant_details: participantDetails.optional(),
};

export const payoutSchema = z.strictObject({
  kind: z.literal('payout'),
  ...envelope,
  payment_method: paymentMethod,
  customer: customer.optional(),
});

export const paymentSchema = z.strictObject({
  kind: z.literal('payment'),
  ...envelope,
  payment_details: paymentDetails,
  customer,
  payment_options: paymentOptions.optional(),
});

/** An instruction event: the gateway's documented body, plus `record_id`, `kind` and `batch_id`. */
export const instructionSchema = z
  .discriminatedUnion('kind', [payoutSchema, paymentSchema])
  .meta({ title: 'Instruction', description: 'One payout or payment, as on the instructions topic.' });
