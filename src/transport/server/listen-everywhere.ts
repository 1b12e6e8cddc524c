import { listenError, systemCode } from '../errors/transport-error.js'
import { type Address, formatAddress, isLiteral } from '../runtime/address.js'
import type {
  RawListenEvents,
  RawListener,
  RawListenOptions,
  Runtime,
  ServerTlsOptions,
} from '../runtime/runtime.js'

/** How often a free port is asked for that every address of a name has. */
const PORT_ATTEMPTS_MAX = 10

/** Of an address of a name, not of the name: a family that this machine has not, an address of another machine. */
const SKIPPED: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'])

export type ListenSettings = Omit<RawListenOptions, 'host' | 'port' | 'path' | 'fd'>

/** The listening sockets of one server: as many as its name has addresses, all at one port. */
export class Listeners {
  readonly #listeners: readonly RawListener[]

  constructor(listeners: readonly RawListener[]) {
    this.#listeners = listeners
  }

  /** As text, the first of them first. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ host, port, path }) =>
      path === undefined ? formatAddress(host, port) : `unix:${path}`,
    )
  }

  /** By which another process may take the sockets over. */
  get descriptors(): readonly number[] {
    return this.#listeners.flatMap(({ fd }) => fd ?? [])
  }

  /** See `RawListener`. */
  async close(): Promise<void> {
    await Promise.all(this.#listeners.map(listener => listener.close()))
  }

  destroyPending(): void {
    for (const listener of this.#listeners) listener.destroyPending?.()
  }

  /** The first throws when the options cannot be used; the others are as it is. */
  updateTls(tls: ServerTlsOptions): boolean {
    for (const { updateTls } of this.#listeners) {
      if (updateTls === undefined) return false
      updateTls(tls)
    }
    return true
  }
}

/**
 * Listens at `address`: on every address that its host has, at the first port of its range that all of them have.
 *
 * Rejects with `TransportError`.
 */
export async function listenEverywhere(
  runtime: Runtime,
  address: Address,
  settings: ListenSettings,
  events: RawListenEvents,
): Promise<Listeners> {
  const hosts = await hostsOf(runtime, address)
  const last = address.portMax - (address.port ?? 0)
  const attempts = address.port === 0 ? PORT_ATTEMPTS_MAX - 1 : last
  for (let i = 0; ; i++) {
    const port = address.port === undefined || address.port === 0 ? address.port : address.port + i
    try {
      const listen = (host: string | undefined, at: number | undefined): Promise<RawListener> =>
        runtime.listen({ ...settings, host, port: at, path: address.path, fd: address.fd }, events)
      return new Listeners(await listenAt(hosts, port, listen))
    } catch (cause) {
      if (systemCode(cause) !== 'EADDRINUSE' || i >= attempts) {
        throw listenError(address.text, cause)
      }
    }
  }
}

async function hostsOf(
  runtime: Runtime,
  { host, text }: Address,
): Promise<readonly (string | undefined)[]> {
  if (host === undefined || isLiteral(host)) return [host]
  try {
    const hosts = await runtime.lookup(host)
    // Node says what is wrong with a name that has none.
    return hosts.length === 0 ? [host] : [...new Set(hosts)]
  } catch (cause) {
    throw listenError(text, cause)
  }
}

/** All or none of the hosts, but those that cannot be; port 0 is chosen by the first. */
async function listenAt(
  hosts: readonly (string | undefined)[],
  port: number | undefined,
  listen: (host: string | undefined, port: number | undefined) => Promise<RawListener>,
): Promise<readonly RawListener[]> {
  const listeners: RawListener[] = []
  let skipped: unknown
  for (const host of hosts) {
    try {
      listeners.push(await listen(host, port === 0 ? (listeners[0]?.port ?? 0) : port))
    } catch (cause) {
      if (hosts.length > 1 && SKIPPED.has(systemCode(cause))) skipped ??= cause
      else {
        await Promise.all(listeners.map(listener => listener.close()))
        throw cause
      }
    }
  }
  if (listeners.length === 0) throw skipped
  return listeners
}
