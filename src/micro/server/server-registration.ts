import type { Runtime, Transport } from '../../transport/index.js'
import { advertisedAddress } from '../discovery/advertised-address.js'
import { endpointRecords } from '../discovery/endpoint-records.js'
import { REGISTER_INTERVAL_MS, REGISTER_TTL_MS, Registration } from '../discovery/registration.js'
import type { Endpoint, EndpointTable } from './handlers/endpoint-table.js'
import type { ServerOptions } from './server-options.js'

/** What a server knows of itself when it registers. */
export interface RegisteringServer {
  readonly options: ServerOptions
  readonly runtime: Runtime
  readonly transport: Transport
  /** The address it listens on. */
  readonly listening: string
  readonly isNative: boolean
  readonly table: Pick<EndpointTable, 'endpoints'>
  onError(error: unknown, context: undefined): void
}

/** The registration of a server with a registry, not begun. */
export function registrationOf(server: RegisteringServer): Registration | undefined {
  const { options, runtime, transport, listening, isNative, table, onError } = server
  const { registry, registerTtlMs, registerIntervalMs } = options
  if (registry === undefined) return undefined
  const advertise = options.advertise ?? process.env['MICRO_SERVER_ADVERTISE']
  return new Registration(registry, runtime, onError, {
    name: options.name,
    version: options.version ?? 'latest',
    metadata: options.metadata ?? {},
    address: advertisedAddress(listening, advertise || undefined, runtime),
    transport: transport.name,
    native: isNative,
    ttlMs: registerTtlMs ?? REGISTER_TTL_MS,
    intervalMs: registerIntervalMs ?? REGISTER_INTERVAL_MS,
    isRequired: options.registerRequired === true,
    endpoints: () => endpointRecords(table.endpoints as Iterable<Endpoint>),
  })
}
