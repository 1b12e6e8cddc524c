import {
  bytesCodec,
  defineService,
  type Handlers,
  jsonCodec,
  loadService,
  type MethodTypes,
  type Service,
} from '../src/micro/index.js'
import { PROTO } from './paths.js'
import { slowly } from './slowly.js'

const octets = { request: bytesCodec(), response: bytesCodec() }

/** The service of the benchmarks as microwire's users define one. */
export interface EchoTypes {
  readonly unary: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly timer: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly armed: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly awaiting: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly hold: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly store: MethodTypes<'unary', Uint8Array, Uint8Array>
  readonly drip: MethodTypes<'client', Uint8Array, Uint8Array>
  readonly stream: MethodTypes<'bidi', Uint8Array, Uint8Array>
  readonly upload: MethodTypes<'client', Uint8Array, Uint8Array>
  readonly download: MethodTypes<'server', Uint8Array, Uint8Array>
}

/** `bench.Echo`. */
export const ECHO: Service<EchoTypes> = defineService('bench.Echo', {
  unary: { kind: 'unary', ...octets },
  timer: { kind: 'unary', ...octets },
  armed: { kind: 'unary', ...octets },
  awaiting: { kind: 'unary', ...octets },
  hold: { kind: 'unary', ...octets },
  store: { kind: 'unary', ...octets },
  drip: { kind: 'client', ...octets },
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
  awaiting: async request => await request,
  hold: () => new Promise(() => {}),
  store: request => sizeAnswer(request.length),
  stream: requests => requests,
  async upload(requests) {
    let size = 0
    for await (const message of requests) size += message.length
    return sizeAnswer(size)
  },
  async drip(requests) {
    let size = 0
    for await (const message of slowly(requests)) size += message.length
    return sizeAnswer(size)
  },
  *download(request) {
    const numbers = Buffer.from(request)
    const message = Buffer.alloc(numbers.readUInt32BE(4))
    for (let left = numbers.readUInt32BE(0); left > 0; left--) yield message
  },
}

function sizeAnswer(size: number): Buffer {
  const answer = Buffer.alloc(8)
  answer.writeBigUInt64BE(BigInt(size))
  return answer
}

interface Text {
  readonly value: string
}

/** The types of `bench.JsonEcho`. */
export interface JsonEchoTypes {
  readonly call: MethodTypes<'unary', Text, Text>
}

/** `bench.JsonEcho`: what go-micro's own protocol carries by default. */
export const JSON_ECHO: Service<JsonEchoTypes> = defineService('bench.JsonEcho', {
  call: { kind: 'unary', request: jsonCodec<Text>(), response: jsonCodec<Text>() },
})

/** The types of `bench.TypedEcho`. */
export interface TypedEchoTypes {
  readonly typed: MethodTypes<'unary', Text, Text>
}

/** `bench.TypedEcho`, protobuf on both sides. */
export async function loadTypedEcho(): Promise<Service<TypedEchoTypes>> {
  return await loadService<TypedEchoTypes>(PROTO, 'bench.TypedEcho')
}
