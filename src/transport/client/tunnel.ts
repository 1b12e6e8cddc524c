import { connectError, TransportError, TransportErrorCode } from '../errors/transport-error.js'
import { type ConnectReply, ConnectReplyReader, connectRequest } from '../proxy/connect-reply.js'
import type { HttpProxy } from '../proxy/proxy-url.js'
import { formatAddress } from '../runtime/address.js'
import type { RawSocket, Runtime } from '../runtime/runtime.js'
import { Dial, type DialOptions, type DialOwner } from './dial.js'

/** A status that asks for a user and a password. RFC 9110 §15.5.8. */
const AUTHENTICATION_REQUIRED = 407

export type TunnelOptions = DialOptions & {
  /** The server's address as it was given, for errors. */
  readonly address: string
  readonly proxy: HttpProxy
}

/**
 * Connects to a server through an HTTP proxy (CONNECT), with TLS inside if asked for: the proxy sees the server's name and
 * port, and octets. It looks up the name, we do not. gRPC A1.
 */
export class Tunnel implements DialOwner {
  readonly #runtime: Runtime
  readonly #options: TunnelOptions
  readonly #owner: DialOwner
  readonly #dial: Dial
  readonly #reader = new ConnectReplyReader()
  /** To the proxy. */
  #socket: RawSocket | undefined
  /** TLS with the server, over it. */
  #secure: RawSocket | undefined
  #error: Error | undefined
  /** Sockets that are not the owner's and have not closed. */
  #openCount = 0
  #isAnswered = false
  #isDecided = false
  #hasEnded = false

  constructor(runtime: Runtime, options: TunnelOptions, owner: DialOwner) {
    this.#runtime = runtime
    this.#options = options
    this.#owner = owner
    const { host, port } = options.proxy
    this.#dial = new Dial(runtime, { host, port }, this)
  }

  start(): void {
    this.#dial.start()
  }

  get ended(): boolean {
    return this.#hasEnded
  }

  /** What is being waited for, for an error that says that it took too long. */
  get progress(): string {
    const { text } = this.#options.proxy
    if (this.#socket === undefined) {
      const { progress } = this.#dial
      return `the proxy ${text} has not answered${progress === '' ? '' : `: ${progress}`}`
    }
    return this.#isAnswered
      ? `the proxy ${text} has connected, the server has not finished its TLS handshake`
      : `the proxy ${text} has not answered CONNECT`
  }

  /** Gives up; the owner hears `onDialEnd` only. */
  destroy(): void {
    if (this.#isDecided) return
    this.#isDecided = true
    this.#dial.destroy()
    this.#destroySockets()
    this.#checkEnd()
  }

  onDialled(socket: RawSocket): void {
    this.#socket = socket
    this.#openCount++
    const { host, port, proxy } = this.#options
    const onData = (chunk: Buffer): void => {
      const reply = this.#isAnswered ? undefined : this.#reader.read(chunk)
      if (reply === undefined) return
      this.#isAnswered = true
      socket.off?.('data', onData)
      this.#onReply(socket, reply)
    }
    socket.on('data', onData)
    socket.on('error', error => {
      this.#error ??= this.#byProxy(error)
    })
    socket.on('end', () => {
      if (!this.#isAnswered) socket.destroy()
    })
    socket.on('close', () => this.#onClose())
    socket.write(connectRequest(formatAddress(host ?? 'localhost', port), proxy.authorization))
  }

  onDialFailed(error: Error | undefined): void {
    this.#fail(this.#byProxy(error ?? new Error('it closed the connection')))
  }

  onDialEnd(): void {
    this.#checkEnd()
  }

  #onReply(socket: RawSocket, reply: ConnectReply): void {
    if (this.#isDecided) return
    const { text } = this.#options.proxy
    if (reply.kind === 'broken')
      this.#refuse(`the proxy ${text}: ${reply.text}; is it an HTTP proxy?`)
    else if (reply.kind === 'refused') {
      const hint =
        reply.status === AUTHENTICATION_REQUIRED
          ? '; give it a user: http://user:password@host:port'
          : '; does it let this address and port through?'
      this.#refuse(`the proxy ${text} refused to connect: ${reply.text}${hint}`)
    } else if (this.#options.tls === undefined) this.#open(socket, reply.rest)
    else if (reply.rest.length > 0) {
      this.#refuse(`${reply.rest.length} octets came through the proxy ${text} before TLS began`)
    } else this.#secured(socket)
  }

  /** The socket is the owner's, and with it what the server has said already. */
  #open(socket: RawSocket, rest: Buffer): void {
    // Before it has another reader, who then sees that there is something to be read.
    if (rest.length > 0) socket.unshift?.(Buffer.from(rest))
    this.#decide(socket)
  }

  #secured(over: RawSocket): void {
    const { tls, host } = this.#options
    const socket = this.#runtime.connect(
      { host, tls, serverName: host ?? 'localhost', over },
      () => {
        if (!this.#isDecided) this.#decide(socket)
      },
    )
    this.#secure = socket
    this.#openCount++
    socket.on('error', error => {
      this.#error ??= error
    })
    socket.on('close', () => {
      // Whoever carries it goes with it.
      over.destroy()
      this.#onClose()
    })
  }

  #decide(socket: RawSocket): void {
    this.#isDecided = true
    // What carries it is the owner's too.
    this.#openCount = 0
    this.#owner.onDialled(socket)
    this.#checkEnd()
  }

  #onClose(): void {
    if (this.#openCount > 0) this.#openCount--
    if (!this.#isDecided) {
      const how = this.#isAnswered ? 'after CONNECT' : 'without an answer to CONNECT'
      this.#fail(
        this.#error ??
          this.#proxyError(`the proxy ${this.#options.proxy.text} closed the connection ${how}`),
      )
    } else this.#checkEnd()
  }

  #refuse(text: string): void {
    this.#fail(this.#proxyError(text))
  }

  #fail(error: Error): void {
    if (this.#isDecided) return
    this.#isDecided = true
    this.#owner.onDialFailed(error)
    this.#destroySockets()
    this.#checkEnd()
  }

  #destroySockets(): void {
    this.#secure?.destroy()
    this.#socket?.destroy()
  }

  #checkEnd(): void {
    if (this.#hasEnded || !this.#isDecided || this.#openCount > 0 || !this.#dial.ended) return
    this.#hasEnded = true
    this.#owner.onDialEnd()
  }

  /** What the system said of the way to the proxy. */
  #byProxy(cause: Error): TransportError {
    const { code, message } = connectError(this.#options.proxy.text, cause)
    const { address } = this.#options
    return new TransportError(
      code,
      address,
      `${address}: the proxy cannot be reached: ${message}`,
      cause,
    )
  }

  #proxyError(text: string): TransportError {
    const { address } = this.#options
    return new TransportError(TransportErrorCode.Proxy, address, `${address}: ${text}`)
  }
}
