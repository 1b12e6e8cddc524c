import t, { type Test } from 'tap'
import {
  describeFrame,
  Flag,
  FrameReader,
  FrameType,
  type Priority,
  readSettings,
  writeContinuation,
  writeData,
  writeFrameHeader,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePaddedHeaders,
  writePing,
  writePriority,
  writePushPromise,
  writeRstStream,
  writeSetting,
  writeWindowUpdate,
} from '../../src/frame/index.js'
import { corpora, corporaMissing } from '../support/corpora.js'
import { readInPieces, readWhole } from './frames.js'

const NAME = 'http2-frame-test-case'

/** One file of the corpus. */
interface Case {
  readonly description: string
  readonly wire: string
  readonly frame: null | {
    readonly length: number
    readonly type: number
    readonly flags: number
    readonly stream_identifier: number
    readonly frame_payload: Payload
  }
  /** Error codes that are right; null when the frame is. */
  readonly error: readonly number[] | null
}

interface Payload {
  readonly data?: string
  readonly header_block_fragment?: string
  readonly padding_length?: number | null
  readonly padding?: string | null
  readonly stream_dependency?: number | null
  readonly weight?: number | null
  readonly exclusive?: boolean | null
  readonly error_code?: number
  readonly settings?: readonly (readonly [number, number])[]
  readonly promised_stream_id?: number
  readonly opaque_data?: string
  readonly last_stream_id?: number
  readonly additional_debug_data?: string
  readonly window_size_increment?: number
}

const files = corpora(NAME)
const skip = files === undefined ? corporaMissing(NAME) : false

function cases(): [string, Case][] {
  const found: [string, Case][] = []
  for (const [path, body] of files ?? []) {
    if (path.endsWith('.json')) found.push([path, JSON.parse(body.toString('utf8')) as Case])
  }
  return found
}

/** What `describeFrame` should say of a right frame. */
function describedAs({
  type,
  stream_identifier,
  length,
  frame_payload,
}: NonNullable<Case['frame']>): object {
  const text =
    frame_payload.data ?? frame_payload.header_block_fragment ?? frame_payload.opaque_data
  const wanted: Record<string, unknown> = { streamId: stream_identifier, payloadSize: length }
  if (text !== undefined && text !== '') wanted['payload'] = Buffer.from(text).toString('hex')
  const { stream_dependency, promised_stream_id, last_stream_id } = frame_payload
  if (typeof stream_dependency === 'number') {
    wanted['dependsOn'] = stream_dependency
    wanted['weight'] = frame_payload.weight
    wanted['exclusive'] = frame_payload.exclusive
  }
  if (promised_stream_id !== undefined) wanted['promisedStreamId'] = promised_stream_id
  if (last_stream_id !== undefined) wanted['lastStreamId'] = last_stream_id
  if (type === FrameType.WindowUpdate) {
    wanted['windowIncrement'] = frame_payload.window_size_increment
  }
  if (type === FrameType.Goaway) wanted['debug'] = frame_payload.additional_debug_data
  return wanted
}

/** Writes the frame the case describes. */
function encode(frame: NonNullable<Case['frame']>): Buffer {
  const target = Buffer.alloc(200)
  const end = write(target, frame)
  const { padding } = frame.frame_payload
  // The corpus has text as padding, and we only ever send zeroes (RFC 9113 §6.1).
  if (typeof padding === 'string') target.write(padding, end - padding.length, 'latin1')
  return target.subarray(0, end)
}

function write(target: Buffer, frame: NonNullable<Case['frame']>): number {
  const { type, flags, stream_identifier: id, frame_payload: payload } = frame
  const block = Buffer.from(payload.header_block_fragment ?? '')
  const paddingSize = payload.padding_length ?? 0
  const padded = (flags & Flag.Padded) !== 0
  switch (type) {
    case FrameType.Data: {
      const data = Buffer.from(payload.data ?? '')
      if (padded) return writePaddedData(target, 0, id, data, 0, data.length, paddingSize, false)
      return writeData(target, 0, id, data, 0, data.length, false)
    }
    case FrameType.Headers:
      if (!padded) return writeHeaders(target, 0, id, block, 0, block.length, flags)
      return writePaddedHeaders(
        target,
        0,
        id,
        block,
        0,
        block.length,
        flags & Flag.EndHeaders,
        paddingSize,
        priorityOf(payload),
      )
    case FrameType.Priority:
      return writePriority(target, 0, id, priorityOf(payload))
    case FrameType.RstStream:
      return writeRstStream(target, 0, id, payload.error_code ?? 0)
    case FrameType.Settings: {
      let at = 9
      for (const [setting, value] of payload.settings ?? []) {
        at = writeSetting(target, at, setting, value)
      }
      writeFrameHeader(target, 0, at - 9, type, flags, id)
      return at
    }
    case FrameType.PushPromise: {
      // We never push, so no writer pads it: the pad length and the padding are put around here.
      const size = block.length + paddingSize
      const promised = payload.promised_stream_id ?? 0
      const body = Buffer.alloc(100)
      writePushPromise(body, 0, id, promised, Buffer.concat([block], size), 0, size, 0)
      const at = writeFrameHeader(target, 0, 1 + 4 + size, type, flags, id)
      target[at] = paddingSize
      return at + 1 + body.copy(target, at + 1, 9, 9 + 4 + size)
    }
    case FrameType.Ping:
      return writePing(target, 0, Buffer.from(payload.opaque_data ?? ''), 0, false)
    case FrameType.Goaway:
      return writeGoaway(
        target,
        0,
        payload.last_stream_id ?? 0,
        payload.error_code ?? 0,
        Buffer.from(payload.additional_debug_data ?? ''),
      )
    case FrameType.WindowUpdate:
      return writeWindowUpdate(target, 0, id, payload.window_size_increment ?? 0)
    case FrameType.Continuation:
      return writeContinuation(target, 0, id, block, 0, block.length, flags)
    default:
      throw new Error(`the corpus has a frame of type ${type}`)
  }
}

function priorityOf({ stream_dependency, weight, exclusive }: Payload): Priority {
  return {
    dependsOn: stream_dependency ?? 0,
    weight: weight ?? 0,
    exclusive: exclusive ?? false,
  }
}

/** Error codes for what is not ours to judge: the connection refuses these. */
function laterError(wire: Buffer): number | undefined {
  const reader = new FrameReader()
  reader.push(wire)
  if (!reader.next()) return undefined
  if (reader.fault !== 0) return reader.fault
  // An increment of 0: PROTOCOL_ERROR, of the stream or of the connection (§6.9).
  return reader.type === FrameType.WindowUpdate && reader.windowIncrement === 0 ? 1 : undefined
}

function decodes(t: Test, wire: Buffer, frame: NonNullable<Case['frame']>): void {
  for (const cuts of [[], [5], [9], Array.from(wire, (_, i) => i)]) {
    const { frames, error } = readInPieces(wire, cuts)
    t.equal(error, undefined)
    t.match(frames, [describedAs(frame)])
  }
  const reader = new FrameReader()
  reader.push(wire)
  t.ok(reader.next())
  t.same([reader.type, reader.flags], [frame.type, frame.flags])
  if (frame.type === FrameType.RstStream || frame.type === FrameType.Goaway) {
    t.equal(reader.errorCode, frame.frame_payload.error_code)
  }
  if (frame.type === FrameType.Settings) {
    const entries: number[][] = []
    readSettings(reader.bytes, reader.start, reader.end, (id, value) => entries.push([id, value]))
    t.same(entries, frame.frame_payload.settings)
  }
  t.ok(describeFrame(reader).type)
}

t.test(`${NAME}: 12 right frames are read, and written again octet by octet`, { skip }, t => {
  let count = 0
  for (const [path, { wire, frame }] of cases()) {
    if (frame === null) continue
    count++
    t.test(path, t => {
      const bytes = Buffer.from(wire, 'hex')
      decodes(t, bytes, frame)
      t.equal(encode(frame).toString('hex'), bytes.toString('hex'))
      t.end()
    })
  }
  t.equal(count, 12)
  t.end()
})

t.test(`${NAME}: 22 wrong frames give an error code that is allowed`, { skip }, t => {
  let count = 0
  for (const [path, { wire, error }] of cases()) {
    if (error === null) continue
    count++
    const bytes = Buffer.from(wire, 'hex')
    const code = readWhole(bytes).error?.errorCode ?? laterError(bytes)
    t.ok(code !== undefined && error.includes(code), `${path}: ${code} is one of ${error}`)
  }
  t.equal(count, 22)
  t.end()
})
