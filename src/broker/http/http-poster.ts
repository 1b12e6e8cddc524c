import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest, Agent as TlsAgent } from 'node:https'
import type { RegistryNode } from '../../micro/index.js'

/** What became of a message for one node. */
export type Posted =
  | { readonly kind: 'taken' }
  /** It has not been handled: another may have it. */
  | { readonly kind: 'unreached'; readonly error: Error }
  /** It may have been handled. */
  | { readonly kind: 'failed'; readonly error: Error }

/** Idle connections to one node. */
const IDLE_MAX = 8

/** The client side of the http broker. */
export class HttpPoster {
  readonly #agent: Agent
  readonly #tlsAgent: TlsAgent
  readonly #timeoutMs: number

  constructor(tls: object | undefined, timeoutMs: number) {
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_MAX })
    this.#tlsAgent = new TlsAgent({ ...tls, keepAlive: true, maxFreeSockets: IDLE_MAX })
    this.#timeoutMs = timeoutMs
  }

  /** Never rejects. */
  post(node: RegistryNode, body: Buffer): Promise<Posted> {
    const isTls = node.metadata['secure'] === 'true'
    let url: URL
    try {
      url = new URL(`${isTls ? 'https' : 'http'}://${node.address}/`)
    } catch {
      const error = new TypeError(`its address '${node.address}' in the registry is none`)
      return Promise.resolve({ kind: 'unreached', error })
    }
    url.searchParams.set('id', node.id)
    const options: RequestOptions = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': body.length },
      agent: isTls ? this.#tlsAgent : this.#agent,
      timeout: this.#timeoutMs,
    }
    return new Promise(resolve => {
      const send = isTls ? httpsRequest : httpRequest
      let isConnected = false
      const request = send(url, options, response => resolve(outcome(response)))
      request.once('socket', socket => {
        if (!socket.connecting) isConnected = true
        else {
          socket.once('connect', () => {
            isConnected = true
          })
        }
      })
      request.once('timeout', () => {
        request.destroy(new Error(`no answer in ${this.#timeoutMs} ms`))
      })
      request.once('error', error => {
        resolve({ kind: isConnected ? 'failed' : 'unreached', error })
      })
      request.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
    this.#tlsAgent.destroy()
  }
}

function outcome(response: IncomingMessage): Posted {
  response.resume()
  const { statusCode = 0 } = response
  if (statusCode >= 200 && statusCode < 300) return { kind: 'taken' }
  const error = new Error(`it answered ${statusCode}`)
  // Not found, or too much waits there: nobody has handled it.
  return { kind: statusCode === 404 || statusCode === 503 ? 'unreached' : 'failed', error }
}
