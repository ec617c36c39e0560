/** Servers that a test starts, freezes, kills and starts again as it likes; all of them on 127.0.0.1. */
export { makeCertificates, type Certificates } from './certificates.ts';
export { startKafka, type KafkaCluster } from './kafka-cluster.ts';
export { startRedis, type RedisServer } from './redis-server.ts';
