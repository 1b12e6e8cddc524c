import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import {
  type ClientTlsOptions,
  clientTlsMistake,
  inRootContext,
  type Runtime,
  thrownText,
} from '../transport/index.js'
import { RegistryError, RegistryErrorCode, resetText } from './registry-error.js'

/** What an engine may answer with. Reason: it is held as one text. Unit: octets. */
const ANSWER_SIZE_MAX = 64 * 1024 * 1024
/** One line of a watch. Unit: octets. */
const LINE_SIZE_MAX = 4 * 1024 * 1024

export interface HttpClientOptions {
  readonly engine: string
  /** `http://host:port`, tried in order from the one that answered last. */
  readonly bases: readonly string[]
  /** Asked for each request: tokens change. */
  headers(): Readonly<Record<string, string>>
  readonly tls: ClientTlsOptions | undefined
  readonly timeoutMs: number
  readonly runtime: Pick<Runtime, 'schedule'>
}

export interface HttpRequestOptions {
  readonly body?: string
  readonly contentType?: string
  /** Default: that of the client. Unit: ms. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

/** An engine's HTTP API: requests of JSON, and answers that go on. */
export class HttpClient {
  /** For errors: without credentials. */
  readonly address: string
  readonly #options: HttpClientOptions
  readonly #agent: HttpAgent
  #current = 0

  constructor(options: HttpClientOptions) {
    const { bases, tls } = options
    this.#options = options
    this.address = bases.map(base => new URL(base).host).join(',')
    const isSecure = bases.some(base => base.startsWith('https:'))
    this.#agent = isSecure
      ? new HttpsAgent({ keepAlive: true, ...tls })
      : new HttpAgent({ keepAlive: true })
  }

  /** One request and all of its answer. Rejects with `RegistryError` unless it is a 2xx; tries the other addresses where one is not there. */
  async request(
    method: string,
    path: string,
    options: HttpRequestOptions = {},
  ): Promise<HttpAnswer> {
    const { bases } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#open(method, path, options)
        const text = await this.#text(answer, options)
        const status = answer.statusCode ?? 0
        if (status >= 200 && status < 300) return { headers: answer.headers, text }
        throw this.#refused(method, path, status, text)
      } catch (error) {
        const fault = this.explain(error)
        const isGone = fault.code === RegistryErrorCode.Unreachable
        if (!isGone || attempt >= bases.length || options.signal?.aborted === true) throw fault
        this.#current = (this.#current + 1) % bases.length
      }
    }
  }

  /** An answer that goes on: each of its lines. Settles when it ends. */
  async lines(
    path: string,
    onLine: (line: string) => void,
    options: HttpRequestOptions,
  ): Promise<void> {
    try {
      const answer = await this.#open('GET', path, options)
      const status = answer.statusCode ?? 0
      if (status !== 200)
        throw this.#refused('GET', path, status, await this.#text(answer, options))
      answer.setEncoding('utf8')
      let rest = ''
      for await (const chunk of answer) {
        const parts = (rest + String(chunk)).split('\n')
        rest = parts.pop()!
        if (rest.length > LINE_SIZE_MAX) throw new RangeError(`a line above ${LINE_SIZE_MAX}`)
        for (const line of parts) if (line !== '') onLine(line)
      }
    } catch (error) {
      throw this.explain(error)
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Any failure as a `RegistryError`. */
  explain(error: unknown): RegistryError {
    if (error instanceof RegistryError) return error
    const { engine } = this.#options
    const isTls = this.#agent instanceof HttpsAgent
    const text = clientTlsMistake(error) ?? resetText(thrownText(error), isTls)
    return new RegistryError(engine, this.address, RegistryErrorCode.Unreachable, text, error)
  }

  #open(method: string, path: string, options: HttpRequestOptions): Promise<IncomingMessage> {
    const { bases, timeoutMs, runtime, engine, tls } = this.#options
    const base = bases[this.#current % bases.length]!
    const url = new URL(path, base)
    const { body, contentType = 'application/json', signal } = options
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest
    return inRootContext(
      () =>
        new Promise<IncomingMessage>((resolve, reject) => {
          const headers: Record<string, string> = { ...this.#options.headers() }
          if (body !== undefined) {
            headers['Content-Type'] = contentType
            headers['Content-Length'] = `${Buffer.byteLength(body)}`
          }
          const request = make(url, {
            method,
            headers,
            agent: this.#agent,
            ...(url.protocol === 'https:' ? tls : {}),
            ...(signal === undefined ? {} : { signal }),
          })
          const limitMs = options.timeoutMs ?? timeoutMs
          const late = runtime.schedule(limitMs, () => {
            const text = `no answer to ${method} ${url.pathname} in ${limitMs} ms`
            request.destroy(
              new RegistryError(engine, this.address, RegistryErrorCode.Timeout, text),
            )
          })
          request.on('response', answer => {
            late.cancel()
            resolve(answer)
          })
          request.on('error', error => {
            late.cancel()
            reject(error)
          })
          request.on('socket', socket => void socket.unref())
          request.end(body)
        }),
    )
  }

  async #text(answer: IncomingMessage, options: HttpRequestOptions): Promise<string> {
    const { runtime, timeoutMs, engine } = this.#options
    const parts: Buffer[] = []
    let size = 0
    const limitMs = options.timeoutMs ?? timeoutMs
    const late = runtime.schedule(limitMs, () => {
      const text = `the answer did not end in ${limitMs} ms`
      answer.destroy(new RegistryError(engine, this.address, RegistryErrorCode.Timeout, text))
    })
    try {
      for await (const part of answer) {
        size += (part as Buffer).length
        if (size > ANSWER_SIZE_MAX)
          throw new RangeError(`an answer above ${ANSWER_SIZE_MAX} octets`)
        parts.push(part as Buffer)
      }
    } finally {
      late.cancel()
    }
    return Buffer.concat(parts).toString()
  }

  #refused(method: string, path: string, status: number, text: string): RegistryError {
    const code =
      status === 401 || status === 403 ? RegistryErrorCode.Denied : RegistryErrorCode.Refused
    const shown = `${method} ${path.split('?')[0]}: ${status} ${text.trim().slice(0, 200)}`
    return new RegistryError(this.#options.engine, this.address, code, shown, { status })
  }
}
