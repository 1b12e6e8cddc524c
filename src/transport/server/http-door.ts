import type {
  ConnectionHandler,
  HeaderBlock,
  HeaderList,
  Stream,
  StreamHandler,
} from '../../connection/index.js'
import { HttpExchange } from './http-exchange.js'
import type { HttpDoorOptions } from './http-request.js'

/**
 * Stands before the protocol of a connection and takes the requests that are
 * not gRPC. What calls itself `application/grpc` of any kind, grpc-web
 * included, goes on, and so does CONNECT: the protocol refuses it in its own words.
 */
export class HttpDoor implements ConnectionHandler {
  readonly #protocol: ConnectionHandler
  readonly #options: HttpDoorOptions

  constructor(protocol: ConnectionHandler, options: HttpDoorOptions) {
    this.#protocol = protocol
    this.#options = options
  }

  onStream(stream: Stream, headers: HeaderBlock, endStream: boolean): StreamHandler {
    if (!isPlainHttp(headers.list)) return this.#protocol.onStream(stream, headers, endStream)
    return new HttpExchange(stream, headers.list, endStream, this.#options)
  }

  onReceived(): void {
    this.#protocol.onReceived()
  }
}

function isPlainHttp(list: HeaderList): boolean {
  for (let index = 0; index < list.length; index += 2) {
    const name = list[index]
    const value = list[index + 1]!
    if (name === ':method' && value === 'CONNECT') return false
    if (name === 'content-type') return !value.toLowerCase().startsWith('application/grpc')
  }
  return true
}
