import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { RegistryService } from '../../src/micro/index.js'
import { clusterEnvironment } from '../../src/registry/kubernetes/cluster-environment.js'
import { kubernetesRegistry } from '../../src/registry/kubernetes/index.js'

/** An object as the API server keeps it. */
interface Stored {
  kind: string
  metadata: {
    name: string
    resourceVersion: string
    labels: Record<string, string>
    annotations?: Record<string, string>
  }
  [more: string]: unknown
}

/**
 * An API server of our own, with the rules of the real one that matter here: lists with a version, watches from one, 410
 * for one that was forgotten, strategic merge patches, bearer tokens.
 */
class ApiServer {
  readonly objects = new Map<string, Stored>()
  readonly requests: string[] = []
  readonly patches: unknown[] = []
  token = 'secret-token'
  oldest = 0
  #version = 100
  #watches: { kind: string; selector: string; response: ServerResponse }[] = []
  address = ''

  async start(t: Test): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    this.address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return this
  }

  put(kind: string, name: string, labels: Record<string, string>, more: object): void {
    const isNew = !this.objects.has(`${kind}/${name}`)
    const metadata = {
      ...(more as { metadata?: object }).metadata,
      name,
      labels,
      resourceVersion: `${++this.#version}`,
    }
    const object: Stored = { ...more, kind, metadata }
    this.objects.set(`${kind}/${name}`, object)
    this.#tell(isNew ? 'ADDED' : 'MODIFIED', object)
  }

  delete(kind: string, name: string): void {
    const object = this.objects.get(`${kind}/${name}`)!
    this.objects.delete(`${kind}/${name}`)
    object.metadata.resourceVersion = `${++this.#version}`
    this.#tell('DELETED', object)
  }

  /** Ends all watches, as the server does after a while. */
  endWatches(): void {
    for (const { response } of this.#watches.splice(0)) response.end()
  }

  get watchCount(): number {
    return this.#watches.length
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://x')
    this.requests.push(
      `${request.method} ${url.pathname}${url.searchParams.has('watch') ? ' watch' : ''}`,
    )
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      response.writeHead(401).end('{"kind":"Status","message":"Unauthorized"}')
      return
    }
    if (request.method === 'PATCH') return await this.#patch(request, response, url)
    const kind = url.pathname.split('/').at(-1)!
    const selector = url.searchParams.get('labelSelector') ?? ''
    const version = Number(url.searchParams.get('resourceVersion') ?? 0)
    if (url.searchParams.has('watch')) {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      if (version < this.oldest) {
        const status = { kind: 'Status', code: 410, message: 'too old resource version' }
        response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)
        return
      }
      response.flushHeaders()
      this.#watches.push({ kind, selector, response })
      return
    }
    const items = [...this.objects.values()].filter(
      each => each.kind === kind && matches(each, selector),
    )
    response.end(JSON.stringify({ metadata: { resourceVersion: `${this.#version}` }, items }))
  }

  async #patch(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const patch = JSON.parse(Buffer.concat(parts).toString()) as {
      metadata: Record<string, Record<string, string | null>>
    }
    this.patches.push([request.headers['content-type'], patch])
    const [name, kind] = url.pathname.split('/').reverse()
    const { metadata, ...rest } = this.objects.get(`${kind}/${name}`)!
    const merge = (what: 'labels' | 'annotations') => {
      const all: Record<string, string | null> = { ...metadata[what], ...patch.metadata[what] }
      return Object.fromEntries(
        Object.entries(all).filter(([, value]) => value !== null),
      ) as Record<string, string>
    }
    this.put(kind!, name!, merge('labels'), {
      ...rest,
      metadata: { annotations: merge('annotations') },
    })
    response.end('{}')
  }

  #tell(type: string, object: Stored): void {
    for (const { kind, selector, response } of this.#watches) {
      if (object.kind === kind && matches(object, selector))
        response.write(`${JSON.stringify({ type, object })}\n`)
    }
  }
}

function matches({ metadata }: Stored, selector: string): boolean {
  const [key = '', value] = selector.split('=')
  return value === undefined ? key in metadata.labels : metadata.labels[key] === value
}

/** Waits for what arrives over a socket. */
async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let count = 0; count < 1_000; count++) {
    if (await check()) return
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  throw new Error('it did not come')
}

function addresses(services: readonly RegistryService[] | undefined): string[] {
  return (services ?? []).flatMap(({ nodes }) => nodes.map(({ address }) => address)).sort()
}

const SLICES = 'endpointslices'
const OF_GREETER = { 'kubernetes.io/service-name': 'greeter' }

function slice(...endpoints: object[]): object {
  return {
    ports: [
      { name: 'http', port: 80 },
      { name: 'grpc', port: 50051 },
    ],
    endpoints,
  }
}

t.test('slices: ready endpoints of the Service of that name, without any registration', async t => {
  const api = await new ApiServer().start(t)
  api.put(
    SLICES,
    'greeter-1',
    OF_GREETER,
    slice(
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true },
        targetRef: { name: 'greeter-pod-1' },
        zone: 'eu-1',
      },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
      { addresses: ['10.0.0.3'], conditions: { ready: true, terminating: true } },
      { addresses: ['fd00::4'], conditions: {} },
    ),
  )
  api.put(
    SLICES,
    'other-1',
    { 'kubernetes.io/service-name': 'other' },
    slice({ addresses: ['10.9.9.9'] }),
  )
  const registry = kubernetesRegistry({
    address: api.address,
    token: 'secret-token',
    portName: 'grpc',
  })
  t.teardown(() => registry.close())
  const [service] = await registry.getService('greeter')
  t.same(addresses(service === undefined ? [] : [service]), ['10.0.0.1:50051', '[fd00::4]:50051'])
  t.match(service?.nodes[0], { id: 'greeter-pod-1', metadata: { grpc: 'true', zone: 'eu-1' } })
  await until(() => api.watchCount === 1)

  api.put(SLICES, 'greeter-2', OF_GREETER, slice({ addresses: ['10.0.0.5'] }))
  await until(() => addresses(registry.peek('greeter')).length === 3)
  api.delete(SLICES, 'greeter-1')
  await until(() => addresses(registry.peek('greeter')).length === 1)

  api.endWatches()
  await until(() => api.watchCount === 1)
  api.put(SLICES, 'greeter-2', OF_GREETER, slice({ addresses: ['10.0.0.6'] }))
  await until(() => addresses(registry.peek('greeter'))[0] === '10.0.0.6:50051')
  const lists = api.requests.filter(each => each.endsWith(SLICES))
  t.equal(lists.length, 1, 'a watch that ended goes on where it was')
  t.same((await registry.listServices()).map(({ name }) => name).sort(), ['greeter', 'other'])
  await registry.register(service!, { ttlMs: 1_000 })
  await registry.deregister(service!)
  t.same(api.patches, [], 'nothing is registered')
})

t.test('a version that the server forgot: the service is listed again', async t => {
  const api = await new ApiServer().start(t)
  api.put(SLICES, 'greeter-1', OF_GREETER, slice({ addresses: ['10.0.0.1'] }))
  const told: Error[] = []
  const registry = kubernetesRegistry({
    address: api.address,
    token: 'secret-token',
    onError: error => told.push(error),
  })
  t.teardown(() => registry.close())
  await registry.getService('greeter')
  await until(() => api.watchCount === 1)
  api.oldest = 1_000
  api.objects.get(`${SLICES}/greeter-1`)!['endpoints'] = [{ addresses: ['10.0.0.2'] }]
  api.endWatches()
  await until(() => api.requests.filter(each => each.endsWith(SLICES)).length === 2)
  await until(() => addresses(registry.peek('greeter'))[0] === '10.0.0.2:80')
  t.match(told[0], { code: 'REGISTRY_REFUSED' })
})

t.test('pods: go-micro writes the record into its pod, and only pods that run count', async t => {
  const api = await new ApiServer().start(t)
  const pod = { status: { phase: 'Running' } }
  api.put('pods', 'me', { app: 'x' }, pod)
  const record =
    '{"name":"my/greeter","version":"1","metadata":null,"endpoints":null,"nodes":[{"metadata":null,"id":"g-2","address":"10.0.0.2:80"}]}'
  const labels = { 'micro.mu/type': 'service', 'micro.mu/selector-my_greeter': 'service' }
  const annotations = { 'micro.mu/service-my_greeter': record }
  api.put('pods', 'go', labels, { ...pod, metadata: { annotations } })
  api.put('pods', 'pending', labels, { status: { phase: 'Pending' }, metadata: { annotations } })
  api.put('pods', 'leaving', labels, {
    ...pod,
    metadata: { annotations, deletionTimestamp: 'now' },
  })
  api.put('pods', 'broken', labels, {
    ...pod,
    metadata: { annotations: { 'micro.mu/service-my_greeter': '{' } },
  })
  const told: Error[] = []
  const registry = kubernetesRegistry({
    address: api.address,
    token: 'secret-token',
    source: 'pods',
    pod: 'me',
    onError: error => told.push(error),
  })
  t.same(addresses(await registry.getService('my/greeter')), ['10.0.0.2:80'])
  t.match(told, [{ code: 'REGISTRY_RECORD', message: /broken/ }])
  await until(() => api.watchCount === 1)
  const own: RegistryService = {
    name: 'my/greeter',
    version: '1',
    metadata: {},
    endpoints: [],
    nodes: [{ id: 'g-1', address: '10.0.0.1:80', metadata: {} }],
  }
  await registry.register(own)
  t.match(api.patches[0], [
    'application/strategic-merge-patch+json',
    {
      metadata: {
        labels,
        annotations: { 'micro.mu/service-my_greeter': /^\{"name":"my\/greeter"/ },
      },
    },
  ])
  await until(() => addresses(registry.peek('my/greeter')).length === 2)
  t.same(
    (await registry.listServices()).map(({ name }) => name),
    ['my/greeter'],
  )
  await registry.close()
  t.same(api.objects.get('pods/me')?.metadata.labels, { app: 'x', 'micro.mu/type': 'service' })
  t.same(api.objects.get('pods/me')?.metadata.annotations, {})
})

t.test('a token that is refused says so, without it', async t => {
  const api = await new ApiServer().start(t)
  const registry = kubernetesRegistry({
    address: api.address,
    token: 'wrong',
    onError: () => undefined,
  })
  const error: Error = await registry.getService('greeter').then(
    () => new Error('it answered'),
    (each: Error) => each,
  )
  t.match(error, {
    code: 'REGISTRY_DENIED',
    message: /kubernetes at 127\.0\.0\.1:\d+: GET .*: 401/,
  })
  t.notMatch(error.message, /wrong/)
  await registry.close()
  await t.rejects(registry.getService('greeter'), { code: 'REGISTRY_CLOSED' })
  t.throws(() => kubernetesRegistry({}), /runs in no cluster/)
})

t.test(
  'in a cluster: address, CA, namespace and token of the service account, read again each minute',
  t => {
    const folder = t.testdir({ token: 'one\n', namespace: 'shop', 'ca.crt': 'PEM' })
    let now = 0
    const env = {
      KUBERNETES_SERVICE_HOST: 'fd00::1',
      KUBERNETES_SERVICE_PORT: '6443',
      HOSTNAME: 'me',
    }
    const cluster = clusterEnvironment(() => now, env, folder)
    t.match(cluster, { address: 'https://[fd00::1]:6443', namespace: 'shop', pod: 'me' })
    t.equal(cluster.ca?.toString(), 'PEM')
    t.equal(cluster.token(), 'one')
    t.testdir({ token: 'two' })
    t.equal(cluster.token(), 'one')
    now = 60_000
    t.equal(cluster.token(), 'two')
    t.end()
  },
)
