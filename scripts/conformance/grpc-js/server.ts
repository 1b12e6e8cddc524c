import type { ServerCredentials } from '@grpc/grpc-js'
import { addService } from '../../../src/compat/index.js'
import { createServer, type Server as MicroServer } from '../../../src/micro/index.js'

type Bound = (error: Error | null, port: number) => void
type Stopped = (error?: Error) => void

/** How long calls may go on after `tryShutdown`, which has no limit of its own in grpc-js. */
const GRACE_MS = 5_000

/**
 * grpc-js's `Server`, as far as its tests use it to serve: made of `createServer` and `addService`, as the
 * migration guide says.
 */
export class Server {
  readonly #services: (readonly [definition: object, implementation: object])[] = []
  readonly #servers: MicroServer[] = []

  addService(definition: object, implementation: object): void {
    // Before there is an address, a server of its own says what is wrong with a service.
    for (const server of this.#servers.length > 0 ? this.#servers : [unbound(this.#services)]) {
      addService(server, definition, implementation)
    }
    this.#services.push([definition, implementation])
  }

  bindAsync(address: string, credentials: ServerCredentials, callback: Bound): void {
    const server = createServer({ name: 'tests', address, onError: () => {}, ...tls(credentials) })
    for (const [definition, implementation] of this.#services) {
      addService(server, definition, implementation)
    }
    this.#servers.push(server)
    server.start().then(
      () => callback(null, Number(/\d+$/.exec(server.address)?.[0])),
      error => callback(error, 0),
    )
  }

  /** A server of microwire has started when it is bound. */
  start(): void {}

  tryShutdown(callback: Stopped): void {
    this.#stop(GRACE_MS).then(() => callback(), callback)
  }

  /** Of all addresses: a server of microwire has one. */
  drain(_address: string, graceMs: number): void {
    void this.#stop(graceMs)
  }

  forceShutdown(): void {
    void this.#stop(0)
  }

  async #stop(graceMs: number): Promise<void> {
    await Promise.all(this.#servers.map(server => server.stop({ graceMs })))
  }
}

function unbound(services: Iterable<readonly [object, object]>): MicroServer {
  const server = createServer({ name: 'tests' })
  for (const [definition, implementation] of services) {
    addService(server, definition, implementation)
  }
  return server
}

/** What grpc-js keeps of `ServerCredentials.createSsl`. */
function tls(credentials: ServerCredentials): { readonly tls?: object } {
  if (!credentials._isSecure()) return {}
  const { ca, cert, key } = Object(credentials._getSecureContextOptions())
  const { requestCert } = Object(credentials._getConstructorOptions())
  const pair = {
    cert: Array.isArray(cert) ? cert[0] : cert,
    key: Array.isArray(key) ? key[0] : key,
  }
  return { tls: { ...pair, ...(ca ? { ca } : {}), ...(requestCert ? { requestCert } : {}) } }
}
