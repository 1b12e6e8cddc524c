import {
  bytesCodec,
  defineService,
  type Handlers,
  loadService,
  type MethodTypes,
  type Service,
} from '../src/micro/index.js'
import { PROTO } from './paths.js'

const octets = { request: bytesCodec(), response: bytesCodec() }

/** The service of the benchmarks as microwire's users define one. */
export interface EchoTypes {
  readonly unary: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly timer: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly armed: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly stream: MethodTypes<'bidi', Uint8Array, Uint8Array>
  readonly upload: MethodTypes<'client', Uint8Array, Uint8Array>
  readonly download: MethodTypes<'server', Uint8Array, Uint8Array>
}

/** `bench.Echo`. */
export const ECHO: Service<EchoTypes> = defineService('bench.Echo', {
  unary: { kind: 'unary', ...octets },
  timer: { kind: 'unary', ...octets },
  armed: { kind: 'unary', ...octets },
  stream: { kind: 'bidi', ...octets },
  upload: { kind: 'client', ...octets },
  download: { kind: 'server', ...octets },
})

/** What each method does; see `Path`. */
export const ECHO_HANDLERS: Handlers<EchoTypes> = {
  unary: request => request,
  timer: request => new Promise(resolve => setTimeout(resolve, 1, request)),
  armed(request) {
    setTimeout(() => {}, 1)
    return request
  },
  stream: requests => requests,
  async upload(requests) {
    let size = 0
    for await (const message of requests) size += message.length
    const answer = Buffer.alloc(8)
    answer.writeBigUInt64BE(BigInt(size))
    return answer
  },
  *download(request) {
    const numbers = Buffer.from(request)
    const message = Buffer.alloc(numbers.readUInt32BE(4))
    for (let left = numbers.readUInt32BE(0); left > 0; left--) yield message
  },
}

interface Text {
  readonly value: string
}

/** The types of `bench.TypedEcho`. */
export interface TypedEchoTypes {
  readonly typed: MethodTypes<'unary', Text, Text>
}

/** `bench.TypedEcho`, protobuf on both sides. */
export async function loadTypedEcho(): Promise<Service<TypedEchoTypes>> {
  return await loadService<TypedEchoTypes>(PROTO, 'bench.TypedEcho')
}
