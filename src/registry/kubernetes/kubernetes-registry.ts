import type { Registry, RegistryService } from '../../micro/index.js'
import { oneOf } from '../../options/index.js'
import type { ClientTlsOptions } from '../../transport/index.js'
import { checkEngineOptions, type EngineOptions } from '../engine-options.js'
import { EngineRegistry } from '../engine-registry.js'
import type { ServiceSink } from '../followed-services.js'
import { HttpClient } from '../http-client.js'
import { recordText } from '../record.js'
import { RegistryErrorCode } from '../registry-error.js'
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

class KubernetesRegistryImpl extends EngineRegistry implements KubernetesRegistry {
  override readonly name = 'kubernetes'
  readonly #client: HttpClient
  readonly #source: 'slices' | 'pods'
  readonly #namespace: string
  readonly #pod: string | undefined
  readonly #portName: string | undefined
  readonly #registered = new Map<string, RegistryService>()

  constructor(options: KubernetesRegistryOptions) {
    super(options)
    const { runtime, timeoutMs } = this
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
  }

  protected override async put(service: RegistryService): Promise<void> {
    // A Service selects its pods, and their probes say when they are ready.
    if (this.#source === 'slices') return
    const label = labelName(service.name)
    await this.#patch({
      labels: { [TYPE_LABEL]: 'service', [SELECTOR_LABEL + label]: 'service' },
      annotations: { [SERVICE_ANNOTATION + label]: recordText(service, service.nodes) },
    })
    this.#registered.set(service.name, service)
  }

  protected override async remove(service: RegistryService): Promise<void> {
    if (this.#source === 'slices') return
    const label = labelName(service.name)
    this.#registered.delete(service.name)
    await this.#patch({
      labels: { [SELECTOR_LABEL + label]: null },
      annotations: { [SERVICE_ANNOTATION + label]: null },
    })
  }

  protected override async list(): Promise<readonly RegistryService[]> {
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

  protected override async leave(): Promise<void> {
    for (const service of [...this.#registered.values()]) {
      await this.remove(service).catch((error: Error) => this.told(error))
    }
  }

  protected override end(): void {
    this.#client.close()
  }

  protected override get address(): string {
    return this.#client.address
  }

  protected override follow(name: string, sink: ServiceSink): () => void {
    const selector =
      this.#source === 'pods'
        ? `${SELECTOR_LABEL}${labelName(name)}=service`
        : `kubernetes.io/service-name=${name}`
    const parts = {
      client: this.#client,
      outage: this.outage(),
      pauses: this.pauses,
      timeoutMs: this.timeoutMs,
      onObjects: (objects: ReadonlyMap<string, ApiObject>) =>
        sink.all(this.#records(name, objects.values())),
      onFailed: (error: Error) => sink.failed(error),
    }
    const watch = new ListWatch(parts, this.#pathOf(selector))
    return () => watch.end()
  }

  #records(name: string, objects: Iterable<ApiObject>): Map<string, RegistryService> {
    const onFault = (key: string, error: unknown): void => this.fault(key, error)
    if (this.#source === 'slices') return sliceRecords(name, objects, this.#portName, onFault)
    return podRecords(name, objects, onFault)
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
      throw this.error(RegistryErrorCode.Record, 'the pod is not known: set HOSTNAME or pod')
    }
    const path = `/api/v1/namespaces/${encodeURIComponent(this.#namespace)}/pods/${encodeURIComponent(this.#pod)}`
    await this.#client.request('PATCH', path, {
      body: JSON.stringify({ metadata }),
      contentType: 'application/strategic-merge-patch+json',
    })
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
