import type {
  RegisterOptions,
  Registry,
  RegistryListener,
  RegistryService,
} from '../../micro/index.js'
import { oneOf } from '../../options/index.js'
import { type ClientTlsOptions, nodeRuntime } from '../../transport/index.js'
import {
  checkEngineOptions,
  type EngineOptions,
  REQUEST_TIMEOUT_MS,
  SERVICES_MAX,
} from '../engine-options.js'
import { FollowedServices, type ServiceSink } from '../followed-services.js'
import { HttpClient } from '../http-client.js'
import { checkNodes } from '../names.js'
import { Outage, OutageNews, teller } from '../outage.js'
import { Pauses, Unfinished } from '../pauses.js'
import { recordText } from '../record.js'
import { RegistryError, RegistryErrorCode } from '../registry-error.js'
import { grouped } from '../service-table.js'
import {
  labelName,
  podRecords,
  SELECTOR_LABEL,
  SERVICE_ANNOTATION,
  sliceRecords,
  TYPE_LABEL,
} from './api-records.js'
import { clusterEnvironment } from './cluster-environment.js'
import { type ApiObject, ListWatch } from './list-watch.js'

/** Options of `kubernetesRegistry`. */
export interface KubernetesRegistryOptions extends EngineOptions {
  /**
   * `slices`: ready endpoints of the Service of that name; nobody registers. `pods`: go-micro's labels and annotations, which
   * a server writes into its own pod. Default: `slices`.
   */
  readonly source?: 'slices' | 'pods'
  /** URL of the API server. Default: that of the cluster which the process runs in. */
  readonly address?: string
  /** Namespace of the services. Default: that of the pod, else `default`. */
  readonly namespace?: string
  /** Bearer token; never logged. Default: that of the pod's service account, read again each minute. */
  readonly token?: string
  /** TLS options. Default: the cluster's CA. */
  readonly tls?: ClientTlsOptions
  /** `slices`: name of the port to call. Default: the first one. */
  readonly portName?: string
  /** `pods`: the pod to write into. Default: environment variable `HOSTNAME`. */
  readonly pod?: string
}

/** A registry in Kubernetes. */
export interface KubernetesRegistry extends Required<Registry> {
  /** What is known of a service without asking; undefined: nobody asked for it yet, or there was no answer. */
  peek(name: string): readonly RegistryService[] | undefined
  /** Removes what is registered, and ends. */
  close(): Promise<void>
}

const FAULTS_MAX = 1_000

/**
 * Creates a registry in Kubernetes, over its API with the pod's service account. It needs the rights to get, list and watch
 * `endpointslices` of `discovery.k8s.io`, or `pods` and to patch them.
 *
 * @throws TypeError or RangeError naming the option that cannot be used, or what is missing outside of a cluster
 */
export function kubernetesRegistry(options: KubernetesRegistryOptions = {}): KubernetesRegistry {
  checkEngineOptions<KubernetesRegistryOptions>('kubernetesRegistry', options, {
    source: oneOf('slices', 'pods'),
    address: 'string',
    namespace: 'string',
    token: 'string',
    tls: 'object',
    portName: 'string',
    pod: 'string',
  })
  return new KubernetesRegistryImpl(options)
}

class KubernetesRegistryImpl implements KubernetesRegistry {
  readonly name = 'kubernetes'
  readonly #client: HttpClient
  readonly #pauses: Pauses
  readonly #unfinished = new Unfinished()
  readonly #followed: FollowedServices
  readonly #source: 'slices' | 'pods'
  readonly #namespace: string
  readonly #pod: string | undefined
  readonly #portName: string | undefined
  readonly #registered = new Map<string, RegistryService>()
  readonly #faults = new Set<string>()
  readonly #tell: (error: Error) => void

  constructor(options: KubernetesRegistryOptions) {
    const { runtime = nodeRuntime, timeoutMs = REQUEST_TIMEOUT_MS } = options
    const cluster = clusterEnvironment(() => runtime.now())
    const address = options.address ?? cluster.address
    if (address === undefined) {
      throw new TypeError('kubernetesRegistry needs address: this process runs in no cluster')
    }
    const token = () => options.token ?? cluster.token()
    this.#source = options.source ?? 'slices'
    this.#namespace = options.namespace ?? cluster.namespace ?? 'default'
    this.#pod = options.pod ?? cluster.pod
    this.#portName = options.portName
    const tls = options.tls ?? (cluster.ca === undefined ? undefined : { ca: cluster.ca })
    this.#client = new HttpClient({
      engine: 'kubernetes',
      bases: [address],
      headers: () => {
        const current = token()
        return {
          Accept: 'application/json',
          ...(current === undefined ? {} : { Authorization: `Bearer ${current}` }),
        }
      },
      tls,
      timeoutMs,
      runtime,
    })
    this.#pauses = new Pauses(runtime)
    this.#tell = teller(options.onError, runtime)
    const news = new OutageNews(error => this.#told(error))
    this.#followed = new FollowedServices({
      runtime,
      timeoutMs,
      servicesMax: options.servicesMax ?? SERVICES_MAX,
      follow: (name, sink) => this.#follow(name, sink, new Outage(runtime, news), timeoutMs),
      timedOut: name =>
        this.#error(RegistryErrorCode.Timeout, `no answer for ${name} in ${timeoutMs} ms`),
    })
  }

  register(service: RegistryService, options: RegisterOptions = {}): Promise<void> {
    return this.#unfinished.track(this.#register(service, options))
  }

  deregister(service: RegistryService): Promise<void> {
    return this.#unfinished.track(this.#deregister(service))
  }

  async #register(service: RegistryService, _options: RegisterOptions): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    // A Service selects its pods, and their probes say when they are ready.
    if (this.#source === 'slices') return
    const label = labelName(service.name)
    await this.#patch({
      labels: { [TYPE_LABEL]: 'service', [SELECTOR_LABEL + label]: 'service' },
      annotations: { [SERVICE_ANNOTATION + label]: recordText(service, service.nodes) },
    })
    this.#registered.set(service.name, service)
  }

  async #deregister(service: RegistryService): Promise<void> {
    checkNodes(service)
    this.#checkOpen()
    if (this.#source === 'slices') return
    const label = labelName(service.name)
    this.#registered.delete(service.name)
    await this.#patch({
      labels: { [SELECTOR_LABEL + label]: null },
      annotations: { [SERVICE_ANNOTATION + label]: null },
    })
  }

  async getService(name: string): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    return await this.#followed.get(name)
  }

  peek(name: string): readonly RegistryService[] | undefined {
    return this.#followed.peek(name)
  }

  async listServices(): Promise<readonly RegistryService[]> {
    this.#checkOpen()
    const isPods = this.#source === 'pods'
    const path = isPods
      ? this.#pathOf(`${TYPE_LABEL}=service`)
      : this.#pathOf('kubernetes.io/service-name')
    const { text } = await this.#client.request('GET', path)
    const items = (JSON.parse(text) as { items?: readonly ApiObject[] | null }).items ?? []
    const names = new Set(items.flatMap(item => namesOf(item, isPods)))
    return [...names].flatMap(name => {
      const own = items.filter(item => namesOf(item, isPods).includes(name))
      return grouped(this.#records(name, own).values())
    })
  }

  watch(onChange: RegistryListener): () => void {
    return this.#followed.watch(onChange)
  }

  async close(): Promise<void> {
    if (this.#pauses.isClosed) return
    await this.#unfinished.settled()
    if (this.#pauses.isClosed) return
    this.#followed.close()
    for (const service of [...this.#registered.values()]) {
      await this.deregister(service).catch((error: Error) => this.#told(error))
    }
    this.#pauses.close()
    this.#client.close()
  }

  #follow(name: string, sink: ServiceSink, outage: Outage, timeoutMs: number): () => void {
    const selector =
      this.#source === 'pods'
        ? `${SELECTOR_LABEL}${labelName(name)}=service`
        : `kubernetes.io/service-name=${name}`
    const parts = {
      client: this.#client,
      outage,
      pauses: this.#pauses,
      timeoutMs,
      onObjects: (objects: ReadonlyMap<string, ApiObject>) =>
        sink.all(this.#records(name, objects.values())),
      onFailed: (error: Error) => sink.failed(error),
    }
    const watch = new ListWatch(parts, this.#pathOf(selector))
    return () => watch.end()
  }

  #records(name: string, objects: Iterable<ApiObject>): Map<string, RegistryService> {
    if (this.#source === 'slices') return sliceRecords(name, objects, this.#portName)
    return podRecords(name, objects, (key, error) => this.#fault(key, error))
  }

  #pathOf(selector: string): string {
    const space = encodeURIComponent(this.#namespace)
    const resource =
      this.#source === 'pods'
        ? `/api/v1/namespaces/${space}/pods`
        : `/apis/discovery.k8s.io/v1/namespaces/${space}/endpointslices`
    return `${resource}?labelSelector=${encodeURIComponent(selector)}`
  }

  async #patch(metadata: object): Promise<void> {
    if (this.#pod === undefined) {
      throw this.#error(RegistryErrorCode.Record, 'the pod is not known: set HOSTNAME or pod')
    }
    const path = `/api/v1/namespaces/${encodeURIComponent(this.#namespace)}/pods/${encodeURIComponent(this.#pod)}`
    await this.#client.request('PATCH', path, {
      body: JSON.stringify({ metadata }),
      contentType: 'application/strategic-merge-patch+json',
    })
  }

  #fault(key: string, error: unknown): void {
    if (this.#faults.has(key)) return
    if (this.#faults.size >= FAULTS_MAX) this.#faults.clear()
    this.#faults.add(key)
    const text = error instanceof Error ? error.message : String(error)
    this.#told(this.#error(RegistryErrorCode.Record, `the record ${key} is passed over: ${text}`))
  }

  #error(code: RegistryErrorCode, text: string): RegistryError {
    return new RegistryError(this.name, this.#client.address, code, text)
  }

  #told(error: Error): void {
    if (!this.#pauses.isClosed) this.#tell(error)
  }

  #checkOpen(): void {
    if (this.#pauses.isClosed) throw this.#error(RegistryErrorCode.Closed, 'the registry is closed')
  }
}

/** The services that an object is of. */
function namesOf(item: ApiObject, isPod: boolean): string[] {
  const { labels = {}, annotations = {} } = (item.metadata ?? {}) as {
    labels?: Readonly<Record<string, string>>
    annotations?: Readonly<Record<string, string>>
  }
  if (!isPod)
    return labels['kubernetes.io/service-name'] === undefined
      ? []
      : [labels['kubernetes.io/service-name']]
  return Object.entries(annotations)
    .filter(([key]) => key.startsWith(SERVICE_ANNOTATION))
    .flatMap(([, text]) => {
      try {
        return [String((JSON.parse(text) as { name?: unknown }).name)]
      } catch {
        return []
      }
    })
}
