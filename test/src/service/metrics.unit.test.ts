import { describe, expect, it } from 'vitest';
import type { GatewayResponse } from '../../../batches/gateway/gateway-response.ts';
import type { Gateway } from '../../../batches/ports/gateway.ts';
import type { LedgerOverview } from '../../../batches/ports/ledger.ts';
import type { OutboxEntry } from '../../../batches/ports/result-sink.ts';
import { createMetrics, type Metrics } from '../../../src/service/metrics.ts';
import { meteredGateway, meteredSink } from '../../../src/service/metered.ts';
import { breakerPosition } from '../../../src/service/metric-feeds.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

const clock = createVirtualClock();
const nothingOpen: LedgerOverview = {
  open: [],
  oldestOpenAt: { queued: null, submitting: null, in_progress: null, unknown: null },
  isBalanced: true,
  unpublished: 0,
  deadLetters: 0,
};
const make = (sourceMs = 50): Metrics => createMetrics({ version: '1.2.3', clock, sourceMs, processMetrics: false });
const lines = async (metrics: Metrics): Promise<string[]> =>
  (await metrics.scrape()).text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const line = async (metrics: Metrics, start: string): Promise<string[]> => (await lines(metrics)).filter((one) => one.startsWith(start));

describe('createMetrics', () => {
  it('has types and help for all, and process metrics under their usual names', async () => {
    const metrics = createMetrics({ version: '1.2.3', clock });
    const { text, contentType } = await metrics.scrape();
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('disburse_build_info{version="1.2.3"} 1');
    expect(text).toContain('process_cpu_seconds_total');
    const names = [...text.matchAll(/^# TYPE (disburse_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    expect(names.toSorted()).toEqual([
      'disburse_alerts_total counter',
      'disburse_balanced gauge',
      'disburse_breaker_state gauge',
      'disburse_build_info gauge',
      'disburse_commands_total counter',
      'disburse_consumer_fetch_age_seconds gauge',
      'disburse_consumer_lag_records gauge',
      'disburse_dead_letters gauge',
      'disburse_dispatch_rate_configured gauge',
      'disburse_dispatch_rate_limit gauge',
      'disburse_drop_folder_files gauge',
      'disburse_event_to_result_seconds histogram',
      'disburse_gateway_call_duration_seconds histogram',
      'disburse_gateway_calls_total counter',
      'disburse_in_flight_records gauge',
      'disburse_metrics_source_failures_total counter',
      'disburse_oldest_open_record_age_seconds gauge',
      'disburse_open_amount gauge',
      'disburse_open_records gauge',
      'disburse_outcomes_total counter',
      'disburse_parked_records gauge',
      'disburse_paused gauge',
      'disburse_records_ended_total counter',
      'disburse_result_publish_delay_seconds histogram',
      'disburse_unacknowledged_alerts gauge',
      'disburse_unpublished_results gauge',
      'disburse_webhooks_total counter',
    ]);
    expect([...text.matchAll(/^# HELP (disburse_\w+) \S/gm)]).toHaveLength(names.length);
  });

  it('shares nothing between two of its kind', async () => {
    const one = make();
    one.published({ status: 'succeeded', kind: 'payout' }, 0);
    expect(await line(make(), 'disburse_outcomes_total{class="succeeded",kind="payout"}')).toEqual([
      'disburse_outcomes_total{class="succeeded",kind="payout"} 0',
    ]);
  });

  it('shows what is paused, parked and not acknowledged, every kind with a number, and no cancelled batch', async () => {
    const metrics = make();
    const pause = { code: 'paused', by: 'alice', reason: null, at: 1 } as const;
    metrics.feed({
      pauses: () => [
        { ...pause, batchId: null },
        { ...pause, batchId: 'a' },
        { ...pause, batchId: 'b', code: 'underfunded' },
        { ...pause, batchId: 'c', code: 'cancelled' },
      ],
      parked: () => new Map([['paused', 3] as const]),
      unacknowledged: async () => new Map([['refunded', 2] as const]),
    });
    expect(await line(metrics, 'disburse_paused')).toEqual([
      'disburse_paused{scope="everything",code="paused"} 1',
      'disburse_paused{scope="batch",code="paused"} 1',
      'disburse_paused{scope="everything",code="underfunded"} 0',
      'disburse_paused{scope="batch",code="underfunded"} 1',
      'disburse_paused{scope="everything",code="moved"} 0',
      'disburse_paused{scope="batch",code="moved"} 0',
    ]);
    const all = await lines(metrics);
    expect(all).toContain('disburse_parked_records{reason="paused"} 3');
    expect(all).toContain('disburse_parked_records{reason="body_missing"} 0');
    expect(all).toContain('disburse_unacknowledged_alerts{alert="refunded"} 2');
    expect(all).toContain('disburse_unacknowledged_alerts{alert="ledger_behind"} 0');
  });

  it('counts commands by type and outcome, and what ended records, from 0', async () => {
    const metrics = make();
    metrics.command('pause', 'done');
    metrics.ended('webhook');
    const all = await lines(metrics);
    expect(all).toContain('disburse_commands_total{type="pause",outcome="done"} 1');
    expect(all).toContain('disburse_commands_total{type="retry",outcome="failed"} 0');
    expect(all).toContain('disburse_records_ended_total{evidence="webhook"} 1');
    expect(all).toContain('disburse_records_ended_total{evidence="report"} 0');
  });

  it('leaves gauges without a source absent', async () => {
    const gauges = (await lines(make())).filter((one) =>
      /^disburse_(oldest|open|balanced|unpub|dead|consumer|dispatch|breaker|in_flight|drop)/.test(one),
    );
    expect(gauges).toEqual([]);
  });

  it('asks its sources at each scrape', async () => {
    const metrics = make();
    let waiting = 3;
    metrics.feed({
      ledger: async () => ({
        open: [
          { status: 'unknown', currency: 'EUR', count: 2, amountMinor: 123_456n },
          { status: 'unknown', currency: 'JPY', count: 1, amountMinor: 500n },
          { status: 'queued', currency: 'EUR', count: 3, amountMinor: 300n },
        ],
        oldestOpenAt: { queued: null, submitting: null, in_progress: null, unknown: clock.now() - 90_500 },
        isBalanced: true,
        unpublished: 4,
        deadLetters: 5,
      }),
      consumerLag: () =>
        new Map(
          waiting === 3
            ? [
                [0, 7],
                [11, 0],
              ]
            : [[11, 1]],
        ),
      consumerFetchAgeMs: () => 250,
      dispatchRateLimit: async () => 12.5,
      dispatchRateConfigured: () => 'unlimited',
      breaker: () => 'half_open',
      inFlight: () => 9,
      dropFolder: () => ({ waiting, processing: 1 }),
    });
    const first = await lines(metrics);
    for (const expected of [
      'disburse_open_records{status="unknown"} 3',
      'disburse_open_records{status="queued"} 3',
      'disburse_open_records{status="in_progress"} 0',
      'disburse_open_amount{status="unknown",currency="EUR"} 1234.56',
      'disburse_open_amount{status="unknown",currency="JPY"} 500',
      'disburse_open_amount{status="queued",currency="EUR"} 3',
      'disburse_oldest_open_record_age_seconds{status="unknown"} 90.5',
      'disburse_oldest_open_record_age_seconds{status="queued"} 0',
      'disburse_balanced 1',
      'disburse_unpublished_results 4',
      'disburse_dead_letters 5',
      'disburse_consumer_lag_records{partition="0"} 7',
      'disburse_consumer_lag_records{partition="11"} 0',
      'disburse_consumer_fetch_age_seconds 0.25',
      'disburse_dispatch_rate_limit 12.5',
      'disburse_dispatch_rate_configured +Inf',
      'disburse_breaker_state{state="closed"} 0',
      'disburse_breaker_state{state="open"} 0',
      'disburse_breaker_state{state="half_open"} 1',
      'disburse_in_flight_records 9',
      'disburse_drop_folder_files{state="waiting"} 3',
      'disburse_drop_folder_files{state="processing"} 1',
      'disburse_metrics_source_failures_total{source="ledger"} 0',
    ])
      expect(first).toContain(expected);
    waiting = 2;
    expect(await line(metrics, 'disburse_drop_folder_files')).toContain('disburse_drop_folder_files{state="waiting"} 2');
    expect(await line(metrics, 'disburse_consumer_lag_records')).toEqual(['disburse_consumer_lag_records{partition="11"} 1']);
  });

  it('shows zeros when no record is open, and no amount of what was open before', async () => {
    const metrics = make();
    metrics.feed({ ledger: () => ({ ...nothingOpen, open: [{ status: 'unknown', currency: 'EUR', count: 1, amountMinor: 5n }] }) });
    expect(await line(metrics, 'disburse_open_amount')).toHaveLength(1);
    metrics.feed({ ledger: () => ({ ...nothingOpen, isBalanced: false }) });
    expect(await line(metrics, 'disburse_open_amount')).toEqual([]);
    expect(await line(metrics, 'disburse_open_records')).toEqual(
      ['queued', 'submitting', 'in_progress', 'unknown'].map((status) => `disburse_open_records{status="${status}"} 0`),
    );
    expect(await line(metrics, 'disburse_oldest')).toContain('disburse_oldest_open_record_age_seconds{status="unknown"} 0');
    expect(await line(metrics, 'disburse_balanced')).toEqual(['disburse_balanced 0']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('away');
      },
    ],
    ['rejects', () => Promise.reject(new Error('away'))],
    ['never answers', () => new Promise<never>(() => undefined)],
  ])('drops the gauges of a source that %s, counts it, and brings them back', async (_, broken) => {
    const metrics = make();
    const good = { ...nothingOpen, unpublished: 4, deadLetters: 5 };
    metrics.feed({ ledger: () => good, breaker: () => 'open', inFlight: () => 1 });
    expect(await line(metrics, 'disburse_unpublished')).toHaveLength(1);
    metrics.feed({ ledger: broken, breaker: broken });
    const text = await lines(metrics);
    expect(text.filter((one) => /^disburse_(oldest|open|balanced|unpublished|dead|breaker)/.test(one))).toEqual([]);
    expect(text).toContain('disburse_in_flight_records 1');
    expect(text).toContain('disburse_metrics_source_failures_total{source="ledger"} 1');
    expect(text).toContain('disburse_metrics_source_failures_total{source="breaker"} 1');
    metrics.feed({ ledger: () => good });
    expect(await line(metrics, 'disburse_unpublished')).toEqual(['disburse_unpublished_results 4']);
  });

  it('asks no source again that still owes an answer, and shares a scrape', async () => {
    const metrics = make(20);
    let asked = 0;
    metrics.feed({ inFlight: () => new Promise<never>(() => (asked += 1)) });
    await Promise.all([metrics.scrape(), metrics.scrape(), metrics.scrape()]);
    await metrics.scrape();
    expect(asked).toBe(1);
    expect(await line(metrics, 'disburse_metrics_source_failures_total')).toEqual([
      'disburse_metrics_source_failures_total{source="inFlight"} 3',
    ]);
  });

  it('measures the time from event to result', async () => {
    const metrics = make();
    metrics.eventToResult(400);
    metrics.eventToResult(-5);
    const text = await lines(metrics);
    expect(text).toContain('disburse_event_to_result_seconds_bucket{le="0.25"} 1');
    expect(text).toContain('disburse_event_to_result_seconds_bucket{le="0.5"} 2');
    expect(text).toContain('disburse_event_to_result_seconds_sum 0.4');
  });
});

describe('breakerPosition', () => {
  it.each([
    ['closed', false, null],
    ['open', true, 5],
    ['half_open', false, 5],
  ] as const)('is %s', (expected, open, since) => {
    expect(breakerPosition({ isOpen: () => open, openSince: () => since })).toBe(expected);
  });
});

const answered = (httpStatus: number): GatewayResponse => ({ type: 'answer', httpStatus, json: {} });
const failed = (proof: 'not_sent' | 'open'): GatewayResponse => ({ type: 'transport', proof, code: 'transport_other', message: '' });

describe('meteredGateway', () => {
  const gateway = (answer: GatewayResponse, ms: number): Gateway => {
    const call = async (): Promise<GatewayResponse> => {
      clock.jump(ms);
      return answer;
    };
    return {
      prepare: () => Promise.resolve({ send: ({ mayStart }) => (mayStart() ? call() : Promise.resolve(answer)) }),
      status: call,
      confirm: call,
      cancel: call,
      capture: call,
      balance: call,
      close: async () => undefined,
    };
  };

  it.each([
    ['ok', answered(200)],
    ['refused', answered(400)],
    ['refused', answered(302)],
    ['too_many', answered(429)],
    ['server_error', answered(502)],
    ['not_sent', failed('not_sent')],
    ['open', failed('open')],
  ] as const)('counts %s', async (outcome, answer) => {
    const metrics = make();
    const metered = meteredGateway(gateway(answer, 300), metrics, clock);
    for (const call of ['status', 'confirm', 'cancel'] as const) expect(await metered[call]('s')).toBe(answer);
    expect(await metered.balance()).toBe(answer);
    const text = await lines(metrics);
    for (const call of ['status', 'confirm', 'cancel', 'balance']) {
      expect(text).toContain(`disburse_gateway_calls_total{call="${call}",outcome="${outcome}"} 1`);
      expect(text).toContain(`disburse_gateway_call_duration_seconds_sum{call="${call}"} 0.3`);
    }
  });

  const init = { kind: 'payout', bytes: new Uint8Array(), idempotencyKey: 'k' } as const;

  it('times an init from its send, not from its preparation', async () => {
    const metrics = make();
    const metered = meteredGateway(gateway(answered(200), 300), metrics, clock);
    const prepared = await metered.prepare(init);
    clock.jump(10_000);
    expect(await prepared.send({ mayStart: () => true })).toEqual(answered(200));
    const text = await lines(metrics);
    expect(text).toContain('disburse_gateway_calls_total{call="init",outcome="ok"} 1');
    expect(text).toContain('disburse_gateway_call_duration_seconds_sum{call="init"} 0.3');
  });

  it('counts an init that was held back, and times nothing', async () => {
    const metrics = make();
    const prepared = await meteredGateway(gateway(failed('not_sent'), 0), metrics, clock).prepare(init);
    await prepared.send({ mayStart: () => false });
    const text = await lines(metrics);
    expect(text).toContain('disburse_gateway_calls_total{call="init",outcome="not_sent"} 1');
    expect(text.filter((one) => one.startsWith('disburse_gateway_call_duration_seconds'))).toEqual([]);
  });
});

describe('meteredSink', () => {
  const entry = (event: object): OutboxEntry => ({
    number: 1,
    eventId: 'e',
    json: JSON.stringify({ occurred_at: new Date(clock.now() - 2_000).toISOString(), metadata: { status: 'failed', kind: 'x' }, ...event }),
  });

  it('counts what was published, by status and kind', async () => {
    const metrics = make();
    const sink = meteredSink({ publish: async () => ({ mark: 'm' }), close: async () => undefined }, metrics, clock);
    const entries = [
      entry({ status: 'succeeded', kind: 'payout' }),
      entry({ status: 'succeeded', kind: 'payout' }),
      entry({ status: 'rejected' }),
    ];
    expect(await sink.publish(entries)).toEqual({ mark: 'm' });
    const text = await lines(metrics);
    expect(text).toContain('disburse_outcomes_total{class="succeeded",kind="payout"} 2');
    expect(text).toContain('disburse_outcomes_total{class="rejected",kind="unknown"} 1');
    expect(text).toContain('disburse_outcomes_total{class="failed",kind="payout"} 0');
    expect(text).toContain('disburse_result_publish_delay_seconds_count 3');
    expect(text).toContain('disburse_result_publish_delay_seconds_sum 6');
  });

  it('counts nothing that was not published', async () => {
    const metrics = make();
    const sink = meteredSink({ publish: () => Promise.reject(new Error('away')), close: async () => undefined }, metrics, clock);
    await expect(sink.publish([entry({ status: 'succeeded', kind: 'payout' })])).rejects.toThrow('away');
    expect(await line(metrics, 'disburse_outcomes_total{class="succeeded",kind="payout"}')).toEqual([
      'disburse_outcomes_total{class="succeeded",kind="payout"} 0',
    ]);
  });
});
