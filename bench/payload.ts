/**
 * The message of every contest: 100 octets that are also a valid `google.protobuf.StringValue`
 * (field 1, 98 octets of text), so that bytes codecs and protobuf codecs carry the same octets.
 */
export const MESSAGE: Buffer = Buffer.concat([Buffer.from([0x0a, 98]), Buffer.alloc(98, 'w')])

/** Octets of the gRPC length prefix. */
export const PREFIX_SIZE = 5

/** The message behind its gRPC length prefix: what a loader posts. */
export const PREFIXED_MESSAGE: Buffer = prefixed(MESSAGE)

/** What every server of the benchmarks answers. */
export const Path = {
  /** Echo, codec that hands octets through, synchronous handler. */
  unary: '/bench.Echo/Unary',
  /** Echo, protobuf on both sides. */
  typed: '/bench.TypedEcho/Typed',
  /** Echo after a timer of one millisecond. */
  timer: '/bench.Echo/Timer',
  /** Echo at once, from a handler that starts such a timer all the same: what timers cost by themselves. */
  armed: '/bench.Echo/Armed',
  /** Echo from an async handler that awaits once. */
  awaiting: '/bench.Echo/Awaiting',
  /** Takes a message and never answers. */
  hold: '/bench.Echo/Hold',
  /** Client streaming: takes eight megabytes a second, answers as upload. */
  drip: '/bench.Echo/Drip',
  /** Echo of each message of a bidirectional stream. */
  stream: '/bench.Echo/Stream',
  /** Client streaming: swallows messages, answers with their octets as a 64-bit number. */
  upload: '/bench.Echo/Upload',
  /** Takes one message, answers with its octets as a 64-bit number. */
  store: '/bench.Echo/Store',
  /** Server streaming: the request holds two 32-bit numbers, how many messages and of how many octets. */
  download: '/bench.Echo/Download',
} as const

/** One of the method paths above. */
export type Path = (typeof Path)[keyof typeof Path]

/** `message` behind an uncompressed gRPC length prefix. */
export function prefixed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(PREFIX_SIZE + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, PREFIX_SIZE)
  return bytes
}

/** The request of the download method. */
export function downloadRequest(count: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeUInt32BE(count, 0)
  bytes.writeUInt32BE(size, 4)
  return bytes
}
