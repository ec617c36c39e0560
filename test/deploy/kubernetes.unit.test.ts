/** The manifests against the schemas of Kubernetes, the settings of the program and what it does when it stops. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { secretNames, variableNames } from '../../src/config/variables.ts';
import { isReadByOthers } from '../../src/config/keys.ts';
import { readConfig } from '../../src/config/config.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = join(root, 'deploy', 'kubernetes');
const { kinds, $defs } = JSON.parse(readFileSync(join(root, 'test', 'fixtures', 'kubernetes-1.31.json'), 'utf8')) as {
  readonly kinds: Readonly<Record<string, object>>;
  readonly $defs: Readonly<Record<string, object>>;
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
const manifestsOf = (file: string): readonly Manifest[] =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
const manifests = files.filter((name) => name !== 'kustomization.yaml').flatMap(manifestsOf);

function problemsOf(manifest: Manifest): readonly string[] {
  const schema = kinds[manifest.kind];
  if (schema === undefined) return [`no schema of ${manifest.kind}`];
  const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile({ ...schema, $defs } as AnySchema);
  void validate(manifest);
  return (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`);
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}
interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [Container];
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
}
const named = <Shape>(kind: string): Shape => manifests.find((one) => one.kind === kind) as unknown as Shape;
const deployment = named<{
  readonly spec: {
    readonly replicas: number;
    readonly selector: { readonly matchLabels: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}>('Deployment');
const pod = deployment.spec.template.spec;
const [serve] = pod.containers;
const job = named<{ readonly spec: { readonly template: { readonly spec: PodSpec } } }>('Job').spec.template.spec;
const config = named<{ readonly data: Readonly<Record<string, string>> }>('ConfigMap').data;
const secrets = manifests.filter(({ kind }) => kind === 'Secret') as unknown as readonly {
  readonly metadata: { readonly name: string };
  readonly stringData: Readonly<Record<string, string>>;
}[];

describe('the manifests of Kubernetes', () => {
  it.each(manifests.map((one) => [one.kind, one.metadata.name, one] as const))(
    '%s %s is valid by the schema of its kind',
    (_kind, _name, one) => {
      expect(problemsOf(one)).toEqual([]);
    },
  );

  it('are all listed in the kustomization, but the template of the secrets and the Job', () => {
    const { resources } = manifestsOf('kustomization.yaml')[0] as unknown as { readonly resources: readonly string[] };
    expect([...resources, 'kustomization.yaml', 'secret.example.yaml', 'topics.yaml'].toSorted()).toEqual(files.toSorted());
  });

  it('set only variables that exist, secrets from secrets alone, and a configuration that serve accepts', () => {
    expect(Object.keys(config).filter((name) => !variableNames.some((known) => known === name) || secretNames.has(name))).toEqual([]);
    for (const { env } of [serve, job.containers[0]])
      for (const { name, value } of env) {
        expect(variableNames).toContain(name);
        expect(value === undefined, name).toBe(secretNames.has(name));
      }
    const logins = secrets.find(({ metadata }) => metadata.name === 'disburse-logins')?.stringData ?? {};
    expect(
      serve.env
        .filter(({ valueFrom }) => valueFrom !== undefined)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(Object.keys(logins).toSorted());
    const plain = Object.fromEntries(serve.env.map(({ name, value = logins[name] }) => [name, value]));
    expect(readConfig([{ ...config, ...plain }], 'gateway').servers).not.toBeNull();
  });

  it('mount each key file of the secret where its variable says', () => {
    const keys = secrets.find(({ metadata }) => metadata.name === pod.volumes.find(({ name }) => name === 'keys')?.secret?.secretName);
    const at = serve.volumeMounts.find(({ name }) => name === 'keys')?.mountPath;
    const paths = serve.env.flatMap(({ name, value }) => (name.endsWith('_FILE') && value !== undefined ? [value] : []));
    expect(paths.toSorted()).toEqual(
      Object.keys(keys?.stringData ?? {})
        .map((name) => `${at}/${name}`)
        .toSorted(),
    );
  });

  it('hold only placeholders for secrets', () => {
    for (const { stringData } of secrets) for (const value of Object.values(stringData)) expect(value).toContain('REPLACE');
  });

  it('run without privileges, with a read-only root, no token and bounded memory', () => {
    const hardened = {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
          resources: { limits: { memory: expect.stringMatching(/^\d+Mi$/) as string } },
        },
      ],
    };
    for (const spec of [pod, job]) expect(spec).toMatchObject(hardened);
    expect(readFileSync(join(root, 'Dockerfile'), 'utf8')).toContain('USER 1000:1000');
  });

  it('wait longer before a kill than serve takes to stop, and probe what serve answers', () => {
    const shutdown = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const longest = Number(/After (\d+) s it stops waiting, exit 3/.exec(shutdown)?.[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(longest + 5);
    expect(serve.startupProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(serve.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'http' });
    expect(serve.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(config['HTTP_HOST']).toBe('0.0.0.0');
    expect(serve).toMatchObject({ args: ['serve'], ports: [{ name: 'http', containerPort: Number(config['HTTP_PORT']) }] });
    expect(named('Service')).toMatchObject({ spec: { ports: [{ port: Number(config['HTTP_PORT']), targetPort: 'http' }] } });
  });

  it('select the pods of the Deployment with each selector', () => {
    const { labels } = deployment.spec.template.metadata;
    for (const selector of [
      deployment.spec.selector.matchLabels,
      named<{ readonly spec: { readonly selector: object } }>('Service').spec.selector,
      named<{ readonly spec: { readonly selector: { readonly matchLabels: object } } }>('PodDisruptionBudget').spec.selector.matchLabels,
      named<{ readonly spec: { readonly podSelector: { readonly matchLabels: object } } }>('NetworkPolicy').spec.podSelector.matchLabels,
    ])
      expect(labels).toMatchObject(selector);
  });

  it('leave at least one instance while a node is drained or a version is rolled out', () => {
    expect(deployment.spec.replicas).toBeGreaterThanOrEqual(2);
    expect(deployment.spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } });
    expect(named('PodDisruptionBudget')).toMatchObject({ spec: { maxUnavailable: 1 } });
  });
});

describe('the check of the manifests', () => {
  it.each([
    ['a member that does not exist', { spec: { ...deployment.spec, replica: 2 } }],
    ['a wrong type', { spec: { ...deployment.spec, replicas: 'two' } }],
    ['a missing member', { spec: { replicas: 2 } }],
    ['an unknown version', { apiVersion: 'apps/v1beta1' }],
  ])('reports %s', (_what, change) => {
    expect(problemsOf({ ...(deployment as unknown as Manifest), ...change } as Manifest)).not.toEqual([]);
  });
});

describe('a private key file', () => {
  it.each([
    ['of root, for our group alone', false, { mode: 0o100440, uid: 0, gid: 1000 }, 1000],
    ['of root, for another group', true, { mode: 0o100440, uid: 0, gid: 1001 }, 1000],
    ['of root, for the group of root', true, { mode: 0o100440, uid: 0, gid: 0 }, 0],
    ['of root, writable for our group', true, { mode: 0o100460, uid: 0, gid: 1000 }, 1000],
    ['of root, for our group and all others', true, { mode: 0o100444, uid: 0, gid: 1000 }, 1000],
    ['of a user, for the group', true, { mode: 0o100640, uid: 1000, gid: 1000 }, 1000],
    ['for its owner alone', false, { mode: 0o100600, uid: 1000, gid: 1000 }, 1000],
  ])('%s: that others read it is %s', (_what, expected, stats, ownGroup) => {
    expect(isReadByOthers(stats, ownGroup)).toBe(expected);
  });
});
