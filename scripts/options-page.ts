/**
 * `docs/options.md`, from the doc comments of the options.
 *
 *     node .build/scripts/options-page.js > docs/options.md
 */
import { fileURLToPath } from 'node:url'
import { type OptionField, optionFields } from './doc-comments.js'

/** One table of the page. */
export interface OptionSection {
  readonly title: string
  /** Ahead of the table. */
  readonly intro: string
  readonly path: string
  readonly interface: string
}

export const SECTIONS: readonly OptionSection[] = [
  {
    title: 'createServer(options)',
    intro:
      'Options that begin with "Default transport" configure the transport that `createServer` makes, and are refused together with `transport`.',
    path: 'src/micro/server/server-options.ts',
    interface: 'ServerOptions',
  },
  {
    title: 'createClient(options)',
    intro:
      'Either `address`, or `registry` with `service`, is required. "gRPC" and "mucp" say that an option applies to that protocol only.',
    path: 'src/micro/client/client-options.ts',
    interface: 'ClientOptions',
  },
  {
    title: 'Options of a call',
    intro:
      'The second argument of each function that `client.bind` returns: `hello.greet(request, { timeoutMs: 1_000 })`.',
    path: 'src/micro/call/call-options.ts',
    interface: 'CallOptions',
  },
  {
    title: 'calls: how native calls are served',
    intro: '`createServer({ calls: { ... } })` and `grpcTransport({ calls: { ... } })`.',
    path: 'src/grpc/server/call-options.ts',
    interface: 'CallOptions',
  },
  {
    title: 'calls.limits: limits of one call',
    intro:
      '`createServer({ calls: { limits: { queuedMessagesMax: 64 } } })`. Limits of a connection (`limits`) are in [limits.md](limits.md).',
    path: 'src/grpc/wire/limits.ts',
    interface: 'CallLimits',
  },
  {
    title: 'backOff',
    intro: 'Time between attempts to connect: `createClient({ backOff: { initialMs: 100 } })`.',
    path: 'src/transport/client/back-off.ts',
    interface: 'BackOffOptions',
  },
  {
    title: 'pool',
    intro: "Idle mucp sockets: `createClient({ protocol: 'mucp', pool: { sizeMax: 10 } })`.",
    path: 'src/micro/client/mucp/socket-pool.ts',
    interface: 'PoolOptions',
  },
  {
    title: 'inherit',
    intro:
      "`createServer({ inherit: { metadata: ['traceparent'] } })`; see [middleware.md](middleware.md#tracing-with-inheritance).",
    path: 'src/micro/call/inheritance.ts',
    interface: 'InheritOptions',
  },
  {
    title: 'outlierDetection(options)',
    intro:
      '`createClient({ balancer: outlierDetection() })`; see [resilience.md](resilience.md#what-to-switch-on).',
    path: 'src/channel/balancing/outlier-detection.ts',
    interface: 'OutlierDetectionOptions',
  },
  {
    title: 'outlierDetection: successRate',
    intro: '',
    path: 'src/channel/balancing/outlier-detection.ts',
    interface: 'SuccessRateOptions',
  },
  {
    title: 'outlierDetection: failurePercentage',
    intro: '',
    path: 'src/channel/balancing/outlier-detection.ts',
    interface: 'FailurePercentageOptions',
  },
  {
    title: 'slowStart(options)',
    intro: '',
    path: 'src/channel/balancing/slow-start.ts',
    interface: 'SlowStartOptions',
  },
  {
    title: 'weightedRoundRobin(options)',
    intro: '',
    path: 'src/channel/weights/weighted-round-robin.ts',
    interface: 'WeightedRoundRobinOptions',
  },
  {
    title: 'loadReports(options)',
    intro: 'Middleware of a server: `server.use(loadReports())`.',
    path: 'src/micro/server/load-reports.ts',
    interface: 'LoadReportsOptions',
  },
  {
    title: 'zoneFirst(options)',
    intro: '',
    path: 'src/channel/balancing/zone-first.ts',
    interface: 'ZoneFirstOptions',
  },
  {
    title: 'randomSubset(options)',
    intro: '',
    path: 'src/channel/balancing/random-subset.ts',
    interface: 'RandomSubsetOptions',
  },
  {
    title: 'overload',
    intro:
      '`createServer({ overload: { adaptive: true } })`; see [resilience.md](resilience.md#servers-that-stay-up).',
    path: 'src/overload/overload-options.ts',
    interface: 'OverloadOptions',
  },
  {
    title: 'overload.queue',
    intro: '',
    path: 'src/overload/overload-options.ts',
    interface: 'OverloadQueueOptions',
  },
  {
    title: 'overload.adaptive',
    intro: '',
    path: 'src/overload/gradient-limit.ts',
    interface: 'AdaptiveOptions',
  },
  {
    title: 'server.handle(service, handlers, options)',
    intro: '',
    path: 'src/micro/server/method-options.ts',
    interface: 'HandleOptions',
  },
  {
    title: 'server.subscribe(topic, handler, options)',
    intro: 'See [brokers.md](brokers.md).',
    path: 'src/micro/server/handlers/events.ts',
    interface: 'SubscribeOptions',
  },
  {
    title: 'server.stop(options)',
    intro: 'See [endings.md](endings.md#stop).',
    path: 'src/micro/server/method-options.ts',
    interface: 'StopOptions',
  },
  {
    title: 'loadService(path, name, options)',
    intro: 'Reads a `.proto` file; see [codegen.md](codegen.md#loadservice-and-well-known-types).',
    path: 'src/micro/service/load-service.ts',
    interface: 'LoadServiceOptions',
  },
  {
    title: 'fromDefinition(definition, options)',
    intro: 'Takes generated code; see [codegen.md](codegen.md).',
    path: 'src/micro/service/definition-service.ts',
    interface: 'FromDefinitionOptions',
  },
  {
    title: 'registry.register(service, options)',
    intro: 'See [discovery.md](discovery.md).',
    path: 'src/micro/discovery/registry.ts',
    interface: 'RegisterOptions',
  },
  {
    title: 'Every engine of microwire/registry',
    intro: 'See [registries.md](registries.md). What one engine has beside them follows.',
    path: 'src/registry/engine-options.ts',
    interface: 'EngineOptions',
  },
  {
    title: 'etcdRegistry(options)',
    intro: 'From `microwire/registry/etcd`.',
    path: 'src/registry/etcd/etcd-registry.ts',
    interface: 'EtcdRegistryOptions',
  },
  {
    title: 'consulRegistry(options)',
    intro: 'From `microwire/registry/consul`.',
    path: 'src/registry/consul/consul-registry.ts',
    interface: 'ConsulRegistryOptions',
  },
  {
    title: 'mdnsRegistry(options)',
    intro: 'From `microwire/registry/mdns`.',
    path: 'src/registry/mdns/mdns-registry.ts',
    interface: 'MdnsRegistryOptions',
  },
  {
    title: 'kubernetesRegistry(options)',
    intro: 'From `microwire/registry/kubernetes`.',
    path: 'src/registry/kubernetes/kubernetes-registry.ts',
    interface: 'KubernetesRegistryOptions',
  },
  {
    title: 'natsRegistry(options)',
    intro: 'From `microwire/registry/nats`.',
    path: 'src/registry/nats/nats-registry.ts',
    interface: 'NatsRegistryOptions',
  },
  {
    title: 'multiRegistry(registries, options)',
    intro: 'From `microwire/registry`; `fallbackRegistry` has all but `readFrom`.',
    path: 'src/registry/several-registries.ts',
    interface: 'MultiRegistryOptions',
  },
  {
    title: 'grpcTransport(options)',
    intro:
      'From `microwire/transport`. It also takes the options of `serve` for its listeners: `connectionsMax`, `connectionsPerAddressMax`, `memoryPerAddressMax`, `handlersPerAddressMax`, `handshakeTimeoutMs`, `connectionAgeMs`, `connectionAgeGraceMs`, `connectionIdleMs`, `reusePort`, `onRequest`.',
    path: 'src/transport/micro/grpc-transport-options.ts',
    interface: 'GrpcTransportOptions',
  },
  {
    title: 'transport.dial(address, options)',
    intro: '',
    path: 'src/transport/micro/transport.ts',
    interface: 'DialOptions',
  },
  {
    title: 'transport.listen(address, options)',
    intro: '',
    path: 'src/transport/micro/transport.ts',
    interface: 'ListenOptions',
  },
  {
    title: 'serve(options)',
    intro: 'From `microwire/transport`: an HTTP/2 server with a protocol of your own on top.',
    path: 'src/transport/server/serve-options.ts',
    interface: 'ServeOptions',
  },
  {
    title: 'connect(address, options)',
    intro:
      'From `microwire/transport`: a session, which is a client connection that is replaced when it is lost. `grpcTransport({ session })` takes the same, without `tls`, `limits`, `messageSizeMax`, `neverIndexed` and `runtime`.',
    path: 'src/transport/client/session-options.ts',
    interface: 'SessionOptions',
  },
  {
    title: 'session.start(call, options)',
    intro: '',
    path: 'src/transport/client/session-options.ts',
    interface: 'StartOptions',
  },
  {
    title: 'natsBroker(options)',
    intro:
      'From `microwire/broker/nats`; and the options of every engine, below. See [brokers.md](brokers.md).',
    path: 'src/broker/nats/nats-broker.ts',
    interface: 'NatsBrokerOptions',
  },
  {
    title: 'httpBroker(options)',
    intro:
      'From `microwire/broker/http`; and `publishTimeoutMs`, `closeGraceMs`, `limits`, `onError` and `runtime` of every engine, below.',
    path: 'src/broker/http/http-broker.ts',
    interface: 'HttpBrokerOptions',
  },
  {
    title: 'redisBroker(options)',
    intro: 'From `microwire/broker/redis`; and the options of every engine, below.',
    path: 'src/broker/redis/redis-broker.ts',
    interface: 'RedisBrokerOptions',
  },
  {
    title: 'rabbitmqBroker(options)',
    intro: 'From `microwire/broker/rabbitmq`; and the options of every engine, below.',
    path: 'src/broker/rabbitmq/rabbitmq-broker.ts',
    interface: 'RabbitmqBrokerOptions',
  },
  {
    title: 'Options of every engine of brokers',
    intro: '',
    path: 'src/broker/engine-options.ts',
    interface: 'EngineOptions',
  },
  {
    title: 'limits of a broker',
    intro: '`natsBroker({ limits: { handlersMax: 1 } })`, and those of other brokers.',
    path: 'src/broker/broker-limits.ts',
    interface: 'BrokerLimits',
  },
  {
    title: 'memoryBroker(options)',
    intro: 'From `microwire/broker`.',
    path: 'src/broker/memory-broker.ts',
    interface: 'MemoryBrokerOptions',
  },
  {
    title: 'broker.subscribe(topic, handler, options)',
    intro: '',
    path: 'src/micro/broker.ts',
    interface: 'BrokerSubscribeOptions',
  },
  {
    title: 'mountReflection(server, options)',
    intro: 'From `microwire/services`.',
    path: 'src/services/reflection.ts',
    interface: 'ReflectionOptions',
  },
]

/** A field, its default and unit taken out of its comment. */
export interface OptionRow {
  readonly name: string
  readonly value: string
  readonly unit: string
  readonly meaning: string
}

/** The rows of one table. A default ends with its sentence; a unit is one or more words. */
export function optionRows({ path, interface: name }: OptionSection): OptionRow[] {
  return optionFields(path, name).map(rowOf)
}

function rowOf({ name, text, isRequired }: OptionField): OptionRow {
  const value = /\bDefault: (.*?)\.(?= [A-Z]|$)/s.exec(text)
  const unit = /\bUnit: (.*?)\.(?= |$)/.exec(text)
  const meaning = [value?.[0], unit?.[0]].reduce<string>(
    (rest, part) => (part === undefined ? rest : rest.replace(part, '')),
    text,
  )
  return {
    name,
    value: value?.[1] ?? (isRequired ? 'required' : ''),
    unit: unit?.[1] ?? '',
    meaning: meaning.replace(/\s+/g, ' ').trim(),
  }
}

/** The whole page. */
export function optionsPage(): string {
  const contents = SECTIONS.map(({ title }) => `- [${title}](#${anchor(title)})`)
  return `# Options

Every option, with its default and unit. Times are in milliseconds; \`Infinity\` means no limit. A misspelt option is a TypeError that names it, a value of the wrong type
or out of range is a TypeError or RangeError.

This page is generated from the doc comments of the source by \`scripts/options-page.ts\`, and a test compares them.

${contents.join('\n')}

${SECTIONS.map(tableOf).join('\n')}`
}

function tableOf(section: OptionSection): string {
  const rows = optionRows(section).map(
    ({ name, value, unit, meaning }) =>
      `| \`${name}\` | ${cell(value)} | ${cell(unit)} | ${cell(meaning)} |`,
  )
  return [
    `## ${section.title}`,
    '',
    ...(section.intro === '' ? [] : [section.intro, '']),
    '| option | default | unit | meaning |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** What GitHub makes of a heading. */
function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}

/** A cell is one line, and a \`{@link name}\` has no page here. */
function cell(text: string): string {
  return text.replace(/\{@link (\w+)\}/g, '`$1`').replaceAll('|', '\\|')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(optionsPage())
