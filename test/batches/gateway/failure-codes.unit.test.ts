import { describe, expect, it } from 'vitest';
import { transportCodes, deliveryOf } from '../../../batches/gateway/gateway-response.ts';
import {
  responseCodes,
  tripsBreaker,
  failureClass,
  gatewayCodes,
  isGatewayCode,
  suggestsWrongSetup,
  type FailureClass,
  type FailureCode,
} from '../../../batches/gateway/failure-codes.ts';
import { page, tableRow } from '../../docs/pages.ts';

const section = page('docs/gateway.md').split('## Answers to a first send')[1] ?? '';
const classes: readonly FailureClass[] = [
  'not_sent',
  'refused',
  'config_error',
  'underfunded',
  'open',
  'already_received',
  'manual_review',
];
const codesIn = (text: string): string[] => [...text.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
const documented = classes.map((name) => ({ name, codes: codesIn(tableRow(section, name)?.[1] ?? '') }));

const codes: readonly FailureCode[] = [...transportCodes, ...gatewayCodes, ...responseCodes];

describe('the failure table', () => {
  it('has every code once, in the class that docs/gateway.md lists it under', () => {
    const listed = documented.flatMap(({ name, codes: its }) => its.map((code) => [code, name] as const));
    expect(Object.fromEntries(listed)).toEqual(failureClass);
    expect(listed.map(([code]) => code).toSorted()).toEqual([...codes].toSorted());
  });

  it('counts for the breaker exactly the codes that docs/gateway.md names', () => {
    const sentence = section.split('\n').find((line) => line.startsWith('The circuit breaker counts')) ?? '';
    expect(codesIn(sentence).toSorted()).toEqual(codes.filter((code) => tripsBreaker[code]).toSorted());
    expect(Object.keys(tripsBreaker).toSorted()).toEqual([...codes].toSorted());
  });

  it("marks the gateway's own codes in docs/gateway.md, and no other", () => {
    const marked = [...section.matchAll(/`(\w+)`¹/g)].map(([, code = '']) => code);
    expect(marked.toSorted()).toEqual([...gatewayCodes].toSorted());
  });

  it('classifies as not_sent only the codes that prove it, and transport codes as their delivery says', () => {
    const notSent = codes.filter((code) => failureClass[code] === 'not_sent');
    expect(notSent).toEqual([
      'connection_refused',
      'host_not_found',
      'connect_timeout',
      'network_unreachable',
      'connect_failed',
      'tls_handshake',
      'lease_over',
      'too_many_requests',
    ]);
    for (const code of transportCodes) expect(failureClass[code]).toBe(deliveryOf[code]);
  });

  it('classifies the three configuration codes of the gateway as config_error, and suspects the configuration for foreign pages', () => {
    expect(codes.filter((code) => failureClass[code] === 'config_error')).toEqual([
      'identification_error',
      'authentication_error',
      'authorization_error',
    ]);
    expect(Object.keys(suggestsWrongSetup)).toEqual(['redirected', 'http_unexpected']);
  });

  it('counts no refusal of an instruction for the breaker', () => {
    for (const code of codes) if (failureClass[code] === 'refused') expect(tripsBreaker[code]).toBe(false);
  });

  it('recognises the codes of the gateway and nothing else', () => {
    expect(isGatewayCode('invalid_request')).toBe(true);
    expect(isGatewayCode('server_error')).toBe(false);
    expect(isGatewayCode('toString')).toBe(false);
  });
});
