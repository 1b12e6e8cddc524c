import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'

/** What a listener does with a message that came whole: the answer's status. */
export type OnPost = (id: string, body: Buffer) => Promise<number>

/** Connections that nodes may have open to us. Reason: one from each node, and a few more. */
const CONNECTIONS_MAX = 4_096

/** The server side of the http broker: `POST /?id=<node>`. */
export class HttpListener {
  readonly #server: Server
  readonly #sizeMax: number
  readonly #onPost: OnPost

  /** @param sizeMax of a body. Unit: octets */
  constructor(tls: object | undefined, sizeMax: number, onPost: OnPost) {
    this.#sizeMax = sizeMax
    this.#onPost = onPost
    const listener: RequestListener = (request, response) => void this.#serve(request, response)
    this.#server =
      tls === undefined ? createServer(listener) : createTlsServer(tls as ServerOptions, listener)
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** Resolves with the real port. Rejects with the system's error. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        // What fails later concerns one connection.
        this.#server.on('error', () => undefined)
        resolve((this.#server.address() as { port: number }).port)
      })
    })
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = await this.#statusOf(request).catch(() => 500)
    // Of what was refused half-way nothing more is read.
    if (!request.complete) response.setHeader('Connection', 'close')
    response.writeHead(status).end()
  }

  async #statusOf(request: IncomingMessage): Promise<number> {
    if (request.method !== 'POST') return 405
    const { searchParams } = new URL(request.url ?? '/', 'http://broker')
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > this.#sizeMax) return 413
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of request) {
      size += (chunk as Buffer).length
      if (size > this.#sizeMax) return 413
      chunks.push(chunk as Buffer)
    }
    return await this.#onPost(searchParams.get('id') ?? '', Buffer.concat(chunks, size))
  }
}
