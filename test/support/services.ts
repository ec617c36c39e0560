/** The servers that all tests share, and names of one's own on them. */
import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';

export const kafkaBrokers = (): string => inject('kafkaBrokers');
export const redisUrl = (): string => inject('redisUrl');

/** A prefix for keys, topics and groups that no other test file has. */
export const uniquePrefix = (): string => `t${randomBytes(6).toString('hex')}`;
