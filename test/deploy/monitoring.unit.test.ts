/** What is deployed beside disburse speaks of metrics that exist, and of the servers that the tests ran on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../src/clock.ts';
import { createMetrics } from '../../src/service/metrics.ts';
import { kafkaImage, redisImage } from '../support/service-images.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', '..', path), 'utf8');
const namesIn = (path: string): string[] => [...new Set(read(path).match(/\b(?:disburse|process|nodejs)_[a-z_]+/g))];

/** Every series that Prometheus can know of us. */
const series = new Set<string>();
beforeAll(async () => {
  const { text } = await createMetrics({ version: 'test', clock: systemClock }).scrape();
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
    for (const ending of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) series.add(name + ending);
});

describe('the dashboard and the alerts', () => {
  it.each(['deploy/prometheus/alerts.yml', 'deploy/grafana/dashboards/disburse.json'])('%s names metrics that exist', (path) => {
    const names = namesIn(path);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !series.has(name))).toEqual([]);
  });

  it('shows every metric of disburse on the dashboard or alerts by it, but for the version', () => {
    const used = [...namesIn('deploy/prometheus/alerts.yml'), ...namesIn('deploy/grafana/dashboards/disburse.json')];
    const own = [...series].filter((name) => name.startsWith('disburse_') && !/_(sum|count)$/.test(name));
    expect(own.filter((name) => !used.includes(name))).toEqual(['disburse_build_info']);
  });

  it('has a row for each alert in the manual, and each alert leads to a heading there', () => {
    const manual = read('docs/operations.md');
    const rules = read('deploy/prometheus/alerts.yml');
    const named = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = '']) => name);
    const listed = [...manual.slice(manual.indexOf('### Alerts')).matchAll(/`(Disburse\w+)`/g)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(named.toSorted());
    const headings = [...manual.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^a-z0-9 -]/g, '')
        .replaceAll(' ', '-'),
    );
    const anchors = [...rules.matchAll(/runbook: docs\/operations\.md#(\S+)/g)].map(([, anchor]) => anchor);
    expect(anchors.length).toBeGreaterThan(3);
    expect(anchors.filter((anchor) => !headings.includes(anchor ?? ''))).toEqual([]);
  });

  it('describes every metric in the manual', () => {
    const manual = read('docs/operations.md');
    const own = [...series].filter((name) => name.startsWith('disburse_') && !/_(sum|count|bucket)$/.test(name));
    expect(own.filter((name) => !manual.includes(`\`${name}\``))).toEqual([]);
  });

  it('does not end an alert on unknown records by an event that is over', () => {
    const rules = read('deploy/prometheus/alerts.yml');
    expect(rules).toMatch(/alert: DisburseUnknownRecords\n +expr: max\(disburse_open_records\{status="unknown"\}\) > 0\n/);
    expect(rules).toMatch(/disburse_oldest_open_record_age_seconds\{status!="unknown"\}/);
  });

  it('asks the data source that is provisioned', () => {
    const uid = /uid: (\S+)/.exec(read('deploy/grafana/provisioning/datasources/prometheus.yml'))?.[1];
    const dashboard = JSON.parse(read('deploy/grafana/dashboards/disburse.json')) as { panels: { datasource: { uid: string } }[] };
    expect(new Set(dashboard.panels.map(({ datasource }) => datasource.uid))).toEqual(new Set([uid]));
  });

  it('asks every instance that docker-compose.yml starts', () => {
    const instances = read('docker-compose.yml')
      .match(/^ {2}serve-\d+(?=:)/gm)
      ?.map((name) => name.trim());
    expect(read('deploy/prometheus/prometheus.yml').match(/serve-\d+/g)).toEqual(instances);
  });
});

describe('docker-compose.yml', () => {
  it('forbids core dumps of what holds keys', () => {
    const services = parse(read('docker-compose.yml'), { merge: true }) as {
      services: Record<string, { image?: string; ulimits?: object }>;
    };
    const ours = Object.values(services.services).filter(({ image }) => image === 'disburse');
    expect(ours.length).toBeGreaterThan(3);
    for (const service of ours) expect(service.ulimits).toEqual({ core: 0 });
  });

  it('runs the servers that the tests run on', () => {
    const images = [...read('docker-compose.yml').matchAll(/^ {4}image: (\S+)$/gm)].map(([, image]) => image);
    expect(images).toEqual(expect.arrayContaining([kafkaImage, redisImage]));
  });
});
