/** Names of variables that look like ours and are none: a guard such as MAX_AMOUNT must not vanish with one letter. */
import { editDistance } from '../../batches/fields/suggest-name.ts';
import { variableNames } from './variables.ts';

export interface UnknownName {
  readonly name: string;
  /** The nearest of our names; undefined when none is near. */
  readonly nearest: string | undefined;
}

/** So many letters of a name can be typing mistakes. */
const mostMistakes = 2;
const prefixes = ['GATEWAY_', 'DISPATCH_', 'FOLLOW_', 'KAFKA_', 'REDIS_', 'INBOX_', 'CONSOLE_', 'LEDGER_', 'MAX_', 'HTTP_'];

/** Names of others under our prefixes: proxies, links that orchestrators set, and the images of Kafka and Redis. */
const ofOthers = [
  /^HTTPS?_PROXY$/i,
  /_SERVICE_/,
  /_PORT(?:_|$)/,
  /^KAFKA_(?:ADVERTISED|AUTO_CREATE|BROKER_|CFG_|CLUSTER_|CONTROLLER_|DEFAULT_|DELETE_|ENABLE_|GROUP_INITIAL|HEAP_|HOME$|INTER_BROKER|JMX_|JVM_|KRAFT_|LISTENER|LOG4J|LOG_|MESSAGE_|METADATA_|MIN_|NODE_|NUM_|OFFSETS_|OPTS$|PROCESS_|REPLICA_|SECURITY_|SHARE_|SOCKET_|TRANSACTION_|UNCLEAN_|VERSION$|ZOOKEEPER_)/,
  /^REDIS_(?:ACL|AOF|ARGS|CLUSTER|DATABASE|DATA|DISABLE|DOWNLOAD|EXTRA|HOST|IO_|MASTER|NODES|OVERRIDES|PASSWORD|RDB|REPLICA|SENTINEL|TLS|USER|VERSION)/,
];

/**
 * @param inDotenv names of a `.env` file, which is written for disburse: there an unknown name under one of our prefixes
 *   is a mistake too; elsewhere only one that is near ours
 */
export function unknownNames(names: Iterable<string>, { inDotenv }: { readonly inDotenv: boolean }): readonly UnknownName[] {
  const known: ReadonlySet<string> = new Set(variableNames);
  const found: UnknownName[] = [];
  for (const name of names) {
    if (known.has(name)) continue;
    const nearest = nearestName(name);
    const isNear = nearest !== undefined;
    const isOurs = inDotenv && prefixes.some((prefix) => name.startsWith(prefix));
    if ((isNear && (inDotenv || !isOfOthers(name))) || (isOurs && !isOfOthers(name))) found.push({ name, nearest });
  }
  return found;
}

const isOfOthers = (name: string): boolean => ofOthers.some((pattern) => pattern.test(name));

function nearestName(name: string): string | undefined {
  const upper = name.toUpperCase();
  const near = variableNames
    .filter((known) => Math.abs(known.length - upper.length) <= mostMistakes)
    .map((known) => ({ known, distance: editDistance(upper, known) }))
    .filter(({ distance }) => distance <= mostMistakes)
    .sort((one, other) => one.distance - other.distance);
  return near[0]?.known;
}

/** As a clause: `MAX_AMOUNTS is not a variable of disburse: did you mean MAX_AMOUNT?` */
export const unknownNameText = ({ name, nearest }: UnknownName): string =>
  `${name} is not a variable of disburse${nearest === undefined ? '; docs/configuration.md lists them' : `: did you mean ${nearest}?`}`;
