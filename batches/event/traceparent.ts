/** The header `traceparent` of W3C Trace Context, which names a trace and a span in it. */

/** Version, trace id, span id, flags; a later version may go on after a further hyphen. */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** As version 00; undefined for any other text, which is ignored, as the recommendation asks. */
export function readTraceparent(text: string | undefined): string | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = pattern.exec(text ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return `00-${traceId}-${spanId}-${flags}`;
}
