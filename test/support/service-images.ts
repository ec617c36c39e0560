/** The images of the servers; docker-compose.yml runs the same. */
export const kafkaImage = 'apache/kafka:4.3.1';
export const redisImage = 'redis:8.2';
