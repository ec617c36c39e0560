import type { Kafka } from 'kafkajs';

/** Makes a new client for each call. */
export interface KafkaFactory {
  (): Kafka;
  /** For messages: as host:port. */
  readonly brokers?: readonly string[];
}
