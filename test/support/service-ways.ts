/** Which server all tests share: the one that is named, else the first way of getting one that works. */
import { accepts } from './free-port.ts';

const longestReason = 300;

export interface Service {
  /** `host:port` list or URL, as clients want it. */
  readonly address: string;
  stop(): Promise<void>;
}

export interface Way {
  /** Such as `a container of redis:8.2`. */
  readonly name: string;
  start(): Promise<Service>;
}

export interface Wish {
  /** Such as `Redis`. */
  readonly what: string;
  /** The variable that names a running one; a named one is taken or the run fails, nothing else is tried. */
  readonly variable: string;
  /** Tried in this order. */
  readonly ways: readonly Way[];
  /** How long a named one may take until it accepts connections. */
  readonly patienceMs: number;
}

export interface Found extends Service {
  /** One sentence: which it is, how it was got, and why not otherwise. Without secrets. */
  readonly told: string;
}

/** @throws {Error} when there is none; it says what was tried and what helps. Tests are never skipped instead */
export async function findService(wish: Wish, env: Readonly<Record<string, string | undefined>>): Promise<Found> {
  const named = env[wish.variable];
  if (named !== undefined && named !== '') return namedService(wish, named);
  const failures: string[] = [];
  for (const way of wish.ways) {
    try {
      const service = await way.start();
      const because = failures.length === 0 ? '' : ` (${failures.join('; ')})`;
      return { ...service, told: `${wish.what} ${maskPassword(service.address)}, ${way.name}${because}` };
    } catch (cause) {
      failures.push(`not ${way.name}: ${reason(cause)}`);
    }
  }
  throw new Error(
    [
      `These tests need a real ${wish.what} and there is none:`,
      ...failures.map((failure) => `  ${failure}`),
      `Fix one of these, or name a running one by ${wish.variable}.`,
    ].join('\n'),
  );
}

/** All of them, or none: when one is missing, those that were started are stopped. */
export async function findServices(wishes: readonly Wish[], env: Readonly<Record<string, string | undefined>>): Promise<readonly Found[]> {
  const results = await Promise.allSettled(wishes.map((wish) => findService(wish, env)));
  const found = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value);
  const lacking = results.filter((result) => result.status === 'rejected').map(({ reason: cause }) => (cause as Error).message);
  if (lacking.length === 0) return found;
  await Promise.all(found.map((service) => service.stop()));
  throw new Error(lacking.join('\n'));
}

async function namedService({ what, variable, patienceMs }: Wish, address: string): Promise<Found> {
  const shown = maskPassword(address);
  for (const place of placesOf(address)) {
    if (!URL.canParse(place)) throw new Error(`${variable}=${shown}: expected ${what}'s address.`);
    const { hostname, port } = new URL(place);
    if (await accepts(hostname, Number(port === '' ? 6379 : port), patienceMs))
      return { address, told: `${what} ${shown}, named by ${variable}`, stop: async () => undefined };
  }
  throw new Error(`${variable}=${shown}: no server accepts connections there. Start ${what}, or unset ${variable}.`);
}

const placesOf = (address: string): string[] =>
  address.includes('://') ? [address] : address.split(',').map((broker) => `kafka://${broker.trim()}`);

const maskPassword = (address: string): string => address.replace(/:\/\/[^@/]*@/, '://***@');

function reason(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > longestReason ? `${line.slice(0, longestReason)}…` : line;
}
