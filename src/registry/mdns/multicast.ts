import { createSocket, type Socket } from 'node:dgram'
import { inRootContext } from '../../transport/index.js'
import { type DnsMessage, decodeMessage, encodeMessage } from './dns-message.js'

const GROUP = '224.0.0.251'
/** Largest packet that is sent, RFC 6762 §17. Unit: octets. */
const PACKET_SIZE_MAX = 8_952

export interface MulticastOptions {
  /** Address of the interface to use; undefined: the system's choice, and every one to listen. */
  readonly interfaceAddress: string | undefined
  readonly addresses: readonly string[]
  readonly port: number
  onMessage(message: DnsMessage, from: { readonly address: string; readonly port: number }): void
  onError(error: Error): void
}

/**
 * Two sockets of UDP: one shared with every other responder of the machine, which hears questions and
 * announcements, and one of our own, which asks and hears the answers.
 */
export class Multicast {
  readonly #options: MulticastOptions
  readonly #shared: Socket
  readonly #own: Socket
  #isClosed = false

  constructor(options: MulticastOptions) {
    this.#options = options
    this.#shared = inRootContext(() => this.#socket(true))
    this.#own = inRootContext(() => this.#socket(false))
    this.#shared.bind({ port: options.port, exclusive: false }, () => this.#join())
    this.#own.bind(0, () => this.#choose(this.#own))
  }

  /** @throws RangeError for a message that fits no packet */
  send(message: DnsMessage, to?: { readonly address: string; readonly port: number }): void {
    if (this.#isClosed) return
    const bytes = encodeMessage(message)
    if (bytes.length > PACKET_SIZE_MAX) {
      throw new RangeError(`a message of ${bytes.length} octets; mDNS takes ${PACKET_SIZE_MAX}`)
    }
    const socket = message.isResponse ? this.#shared : this.#own
    socket.send(bytes, to?.port ?? this.#options.port, to?.address ?? GROUP, error => {
      if (error !== null && !this.#isClosed) this.#options.onError(error)
    })
  }

  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    this.#isClosed = true
    return new Promise(resolve => {
      this.#own.close(() => this.#shared.close(() => resolve()))
    })
  }

  #socket(isShared: boolean): Socket {
    const socket = createSocket({ type: 'udp4', reuseAddr: isShared })
    socket.unref()
    socket.on('error', error => {
      if (!this.#isClosed) this.#options.onError(error)
    })
    socket.on('message', (bytes, from) => {
      let message: DnsMessage
      try {
        message = decodeMessage(bytes)
      } catch {
        // Others share the group; what they send is no fault of anybody here.
        return
      }
      this.#options.onMessage(message, from)
    })
    return socket
  }

  #join(): void {
    const { interfaceAddress, addresses } = this.#options
    const wanted = interfaceAddress === undefined ? addresses : [interfaceAddress]
    for (const address of wanted.filter(each => !each.includes(':'))) {
      try {
        this.#shared.addMembership(GROUP, address)
      } catch {
        // An interface without multicast.
      }
    }
    this.#choose(this.#shared)
  }

  #choose(socket: Socket): void {
    const { interfaceAddress } = this.#options
    if (interfaceAddress !== undefined) socket.setMulticastInterface(interfaceAddress)
  }
}
