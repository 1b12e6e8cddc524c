import {
  DnsResolver,
  fixedResolver,
  parseTargetName,
  type Resolver,
  readServiceConfig,
  type ServiceConfig,
} from '../../channel/index.js'
import type { Runtime, Transport } from '../../transport/index.js'
import { ResolverSource } from '../discovery/endpoint-source.js'
import { type NodeEndpoint, namedEndpoint, nodeEndpoint } from '../discovery/node-endpoint.js'
import type { Registry } from '../discovery/registry.js'
import { RegistryResolver } from '../discovery/registry-resolver.js'
import { type Target, targetAt } from '../discovery/target.js'
import { TargetFinder, type TargetFinderOptions } from '../discovery/target-finder.js'
import { isCallTransport, type Protocol } from '../protocol.js'
import type { ClientOptions } from './client-options.js'
import { fixedAddress } from './fixed-address.js'
import type { GrpcClient } from './native/client.js'

/** How often a name of DNS is looked up again while calls run. Unit: ms. */
const DNS_REFRESH_MS = 30_000

/** What a client has made already. */
export interface FinderParts {
  readonly transport: Transport
  readonly runtime: Runtime
  /** Undefined: what the registry says of each node. */
  readonly protocol: Protocol | undefined
  readonly grpc: GrpcClient | undefined
}

/** The target of a client with one server. */
export function fixedTarget(
  options: ClientOptions,
  protocol: Protocol | undefined,
): Target | undefined {
  const address = fixedAddress(options)
  return address === undefined ? undefined : targetAt(address, protocol)
}

/** What a call of a client gets that was made to publish only. */
export function nobodyToCall(): Promise<never> {
  return Promise.reject(
    new TypeError(
      'this client has a broker and nobody to call: give it an address, registry or resolver as well',
    ),
  )
}

/** Who finds the servers of a client that may have several. */
export function targetFinder(options: ClientOptions, parts: FinderParts): TargetFinder | undefined {
  const resolver = resolverOf(options, parts)
  const { registry, service } = options
  if (resolver === undefined && registry === undefined) return undefined
  const { transport, runtime, protocol, grpc } = parts
  const isNative = isCallTransport(transport) && protocol !== 'mucp'
  const config = configured(options)
  const named =
    resolver === undefined
      ? byRegistry(registry!, service!, parts, isNative)
      : byResolver(resolver, parts)
  return new TargetFinder({
    ...named,
    protocol: resolver === undefined ? protocol : (protocol ?? 'grpc'),
    runtime,
    transport: isNative ? transport : undefined,
    selector: options.selector,
    balancer: options.balancer ?? config?.balancing,
    healthService: config?.healthService,
    onReleased: ({ address, hosts }: NodeEndpoint) => {
      if (hosts === undefined) grpc?.forget(address)
      // A transport that was given may have other users.
      if (isNative && options.transport === undefined) {
        void transport.session(address, hosts).close()
      }
    },
  })
}

function configured({ serviceConfig }: ClientOptions): ServiceConfig | undefined {
  return serviceConfig === undefined ? undefined : readServiceConfig(serviceConfig)
}

type Named = Pick<TargetFinderOptions, 'name' | 'source' | 'nobody' | 'unanswered' | 'failed'>

function byRegistry(
  registry: Registry,
  service: string,
  { runtime, protocol }: FinderParts,
  isNative: boolean,
): Named {
  const text = `service ${service}: not found`
  const hint = `the registry ${registry.name} has no node of it: is it started, and registered under this name?`
  return {
    name: service,
    nobody: isNative ? `${text}; ${hint}` : text,
    unanswered: 'the registry has not answered in time',
    failed: `error selecting ${service} node: `,
    source: (onEndpoints, onChange) =>
      new RegistryResolver(
        registry,
        service,
        runtime,
        nodes => onEndpoints(nodes.map(node => nodeEndpoint(node, protocol))),
        onChange,
      ),
  }
}

function byResolver(resolver: Resolver, { runtime, protocol }: FinderParts): Named {
  const { name } = resolver
  return {
    name,
    nobody: `${name} has no endpoint`,
    unanswered: `${name} has not been resolved in time`,
    failed: '',
    source: onEndpoints =>
      new ResolverSource(resolver, runtime, found =>
        onEndpoints(found.map(each => namedEndpoint(each, protocol ?? 'grpc'))),
      ),
  }
}

function resolverOf(options: ClientOptions, parts: FinderParts): Resolver | undefined {
  if (options.resolver !== undefined) return options.resolver
  const { address } = options
  if (address === undefined) return undefined
  const name = parseTargetName(address)
  if (name.kind === 'address') return undefined
  if (name.kind === 'list') return fixedResolver(address, name.addresses)
  const { host, port } = name
  const { transport } = parts
  // The proxy looks it up, and may know what we do not. gRPC A1.
  if (isCallTransport(transport) && transport.isProxied?.(name.address) === true) {
    return fixedResolver(address, [name.address])
  }
  return new DnsResolver({
    host,
    port,
    refreshMs: options.dnsRefreshMs ?? DNS_REFRESH_MS,
    // A socket of mucp is dialled by address alone.
    isPlain: parts.protocol === 'mucp',
    runtime: parts.runtime,
  })
}
