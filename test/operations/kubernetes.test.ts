/** The files of kubernetes/: what the schemas of Kubernetes, the Prometheus operator and KEDA allow, and what the product needs. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { prometheusRule, RULE_FILE } from '../../scripts/kubernetes.ts'
import { loadConfig } from '../../src/config/config.ts'
import { VARIABLES } from '../../src/config/table.ts'
import { filesIn, pathOf, textOf, yamlOf } from './repository.ts'

const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0

interface Resource {
  apiVersion: string
  kind: string
  metadata: { name: string }
}

const FOLDERS = ['kubernetes', 'kubernetes/monitoring', 'kubernetes/keda']
const files = FOLDERS.flatMap((folder) => filesIn(folder, '.yaml'))
const isKustomization = (file: string) => file.endsWith('kustomization.yaml')
const resources = files
  .filter((file) => !isKustomization(file))
  .flatMap((file) =>
    parseAllDocuments(textOf(file)).map((document) => ({ file, resource: document.toJS() as Resource })),
  )

/** Where the type and the validator of each kind lie. */
const KINDS: Record<string, string> = {
  Deployment: 'kubernetes-models/apps/v1',
  Service: 'kubernetes-models/v1',
  PodDisruptionBudget: 'kubernetes-models/policy/v1',
  PodMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  PrometheusRule: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  ScaledObject: '@kubernetes-models/keda/keda.sh/v1alpha1',
}

const find = <T>(kind: string, name: string): T =>
  resources.find(({ resource }) => resource.kind === kind && resource.metadata.name === name)?.resource as T

/** What tsc says of these objects as values of their types: unknown fields and wrong types. */
function complaintsOf(objects: readonly Resource[]): string {
  const folder = pathOf('node_modules/.cache/kubernetes-check')
  mkdirSync(folder, { recursive: true })
  try {
    const values = objects.map(({ kind, ...rest }, index) => {
      const from = JSON.stringify(KINDS[kind])
      const value = JSON.stringify({ kind, ...rest })
      return `import type { I${kind} as T${index} } from ${from}\nexport const v${index}: T${index} = ${value}\n`
    })
    writeFileSync(join(folder, 'check.mts'), values.join(''))
    const options = [
      '--noEmit',
      '--ignoreConfig',
      '--skipLibCheck',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2022',
    ]
    const args = [pathOf('node_modules/typescript/bin/tsc'), ...options, join(folder, 'check.mts')]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    return stdout + stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('each file says first that no cluster has run it here', () => {
  for (const file of files) expect(textOf(file), file).toMatch(/^# No cluster has run this file here: tests check it/)
})

test('each resource is what its schema allows', async () => {
  expect(resources.length).toBeGreaterThanOrEqual(8)
  for (const { file, resource } of resources) {
    const models = (await import(KINDS[resource.kind] ?? '')) as Record<
      string,
      new (
        of: Resource,
      ) => { validate(): void }
    >
    const Model = models[resource.kind] as new (of: Resource) => { validate(): void }
    expect(() => new Model(resource).validate(), file).not.toThrow()
  }
  expect(complaintsOf(resources.map(({ resource }) => resource))).toBe('')
})

test('the schemas would notice', () => {
  const worker = structuredClone(find<{ spec: { replicas: unknown } }>('Deployment', 'chat-enricher-worker'))
  worker.spec.replicas = 'two'
  expect(complaintsOf([worker as never])).toContain("'string' is not assignable to type 'number'")
  const typo = structuredClone(find<{ spec: object }>('Deployment', 'chat-enricher-worker'))
  Object.assign(typo.spec, { replicaz: 2 })
  expect(complaintsOf([typo as never])).toContain('replicaz')
})

test('each kustomization names files that there are, and names them all', () => {
  for (const folder of FOLDERS) {
    const text = textOf(`${folder}/kustomization.yaml`)
    const named = yamlOf<{ resources: string[] }>(`${folder}/kustomization.yaml`).resources
    const here = filesIn(folder, '.yaml').filter((file) => !isKustomization(file))
    expect(named.map((name) => `${folder}/${name}`).sort()).toEqual(here.sort())
    if (folder === 'kubernetes') for (const part of ['monitoring', 'keda']) expect(text).toContain(`# - ${part}\n`)
  }
})

test('the rules are those of prometheus/rules (npm run kubernetes -- --write)', () => {
  expect(textOf(RULE_FILE)).toBe(prometheusRule())
})

test('each alert links to its runbook, below the one address that monitoring/kustomization.yaml sets', () => {
  const links = [...textOf(RULE_FILE).matchAll(/runbook_url: (.*)$/gm)].map(([, link = '']) => link)
  expect(links.length).toBeGreaterThan(20)
  for (const link of links) expect(textOf(`docs/runbooks/${link.replace(/^RUNBOOKS\//, '')}`)).toContain('## Do')
  const [{ targets }] = yamlOf<{ replacements: [{ targets: unknown[] }] }>(
    'kubernetes/monitoring/kustomization.yaml',
  ).replacements
  expect(targets).toEqual([
    {
      select: { kind: 'PrometheusRule' },
      fieldPaths: ['spec.groups.*.rules.*.annotations.runbook_url'],
      options: { delimiter: '/', index: 0 },
    },
  ])
})

test.skipIf(!hasKubectl)('kustomize puts it there (where kubectl is installed)', () => {
  const made = execFileSync('kubectl', ['kustomize', pathOf('kubernetes/monitoring')], { encoding: 'utf8' })
  expect(made).not.toMatch(/RUNBOOKS|kind: ConfigMap/)
  expect(made).toContain('runbook_url: https://your.host/chat-enricher/docs/runbooks/ChatEnricherDown.md')
})

interface Container {
  name: string
  args: string[]
  env: { name: string; value: string }[]
  envFrom: { configMapRef: { name: string } }[]
  ports?: { name: string; containerPort: number }[]
  securityContext: object
  resources: { limits: { memory: string; cpu?: string } }
  startupProbe?: { httpGet: { path: string } }
  livenessProbe?: { httpGet: { path: string } }
  readinessProbe?: { httpGet: { path: string } }
}
interface Deployment {
  spec: {
    selector: { matchLabels: Record<string, string> }
    template: {
      metadata: { labels: Record<string, string> }
      spec: {
        terminationGracePeriodSeconds: number
        automountServiceAccountToken: boolean
        securityContext: object
        initContainers?: Container[]
        containers: [Container]
        volumes: [{ secret: { items: { key: string; path: string }[] } }]
      }
    }
  }
}

describe.each(['worker', 'api'])('the %s', (name) => {
  const { spec } = find<Deployment>('Deployment', `chat-enricher-${name}`)
  const pod = spec.template.spec
  const [container] = pod.containers
  const all = [...(pod.initContainers ?? []), container]

  test('has more time to stop than it takes, and is asked where it answers', () => {
    const { shutdownTimeoutMs } = loadConfig({}).config
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(shutdownTimeoutMs / 1000 + 5)
    expect(container.startupProbe?.httpGet.path).toBe('/livez')
    expect(container.livenessProbe?.httpGet.path).toBe('/livez')
    expect(container.readinessProbe?.httpGet.path).toBe('/readyz')
    const port = name === 'worker' ? VARIABLES.metricsPort.fallback : VARIABLES.apiPort.fallback
    expect(container.ports?.[0]?.containerPort).toBe(Number(port))
  })

  test('can do no more than it has to', () => {
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    for (const one of all) {
      const least = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }
      expect(one.securityContext).toEqual(least)
      expect(Object.keys(one.resources.limits)).toEqual(['memory'])
    }
  })

  test('gets variables that there are, secrets as files alone, and each file that it reads', () => {
    for (const one of all) {
      expect(one.envFrom).toEqual([{ configMapRef: { name: 'chat-enricher' } }])
      const known = Object.values(VARIABLES).flatMap(({ name: variable, ...rest }) => [
        variable,
        ...('secret' in rest ? [`${variable}_FILE`] : []),
      ])
      for (const { name: variable } of one.env) expect(known).toContain(variable)
      const secrets = one.env.filter(({ name: variable }) => variable.endsWith('_FILE'))
      const read = secrets.map(({ value }) => value.replace('/run/secrets/chat-enricher/', ''))
      const items = pod.volumes[0].secret.items
      expect(items.map(({ path }) => path).sort()).toEqual(read.sort())
      for (const { key, path } of items) expect(textOf('kubernetes/kustomization.yaml'), path).toContain(key)
    }
  })

  test('is what its selectors select', () => {
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels)
    const budget = find<Deployment>('PodDisruptionBudget', `chat-enricher-${name}`)
    expect(budget.spec.selector.matchLabels).toEqual(spec.selector.matchLabels)
    const monitor = find<Deployment>('PodMonitor', `chat-enricher-${name}`)
    expect(monitor.spec.selector.matchLabels).toEqual(spec.selector.matchLabels)
  })
})

test('doctor looks before a worker starts, with its settings, and stops none', () => {
  const { initContainers = [], containers } = find<Deployment>('Deployment', 'chat-enricher-worker').spec.template.spec
  const [doctor] = initContainers
  expect(doctor?.args).toEqual(['doctor', '--advise'])
  expect(doctor?.env).toEqual(containers[0].env)
})

test('the settings of the ConfigMap are variables of ours, with good values', () => {
  const { configMapGenerator } = yamlOf<{ configMapGenerator: [{ literals: string[] }] }>(
    'kubernetes/kustomization.yaml',
  )
  const env = Object.fromEntries(configMapGenerator[0].literals.map((line) => line.split(/=(.*)/s).slice(0, 2)))
  expect(loadConfig(env).warnings).toEqual([])
  expect(Object.keys(env)).toContain('SOAP_ENDPOINT')
})

test('workers are scaled by a metric that there is, and by the list where lookups wait', () => {
  const { spec } = find<{
    spec: { scaleTargetRef: { name: string }; triggers: { metadata: Record<string, string> }[] }
  }>('ScaledObject', 'chat-enricher-worker')
  expect(spec.scaleTargetRef.name).toBe('chat-enricher-worker')
  const [desired, backlog] = spec.triggers
  const metric = /chat_enricher_(\w+)/.exec(desired?.metadata.query ?? '')?.[1] ?? 'none'
  expect(textOf('docs/metrics.md')).toContain(metric)
  const { prefix, lookupQueue } = loadConfig({}).config
  expect(backlog?.metadata.listName).toBe(`${prefix}:${lookupQueue}:wait`)
})
