import { deepEqual, equal, ok } from 'node:assert/strict'
import {
  ConnectionError,
  copyOctets,
  Flag,
  FRAME_HEADER_SIZE,
  FrameReader,
  FrameType,
  type Priority,
  writeContinuation,
  writeData,
  writeFrameHeader,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePaddedHeaders,
  writePing,
  writePriority,
  writeRstStream,
  writeSetting,
  writeSettingsAck,
  writeUint32,
  writeWindowUpdate,
} from '../../src/frame/index.js'
import { readCorpus } from './corpora.js'
import { answerTo } from './raw-connection.js'
import type { Suite } from './suite.js'

interface Case {
  readonly wire: string
  readonly error: readonly number[] | null
  readonly frame: {
    readonly length: number
    readonly flags: number
    readonly stream_identifier: number
    readonly type: number
    readonly frame_payload: Payload
  } | null
}

/** Fields of all types together; each case has those of its own. */
interface Payload {
  readonly data?: string
  readonly header_block_fragment?: string
  readonly padding?: string | null
  readonly padding_length?: number | null
  readonly weight?: number | null
  readonly stream_dependency?: number | null
  readonly exclusive?: boolean | null
  readonly promised_stream_id?: number
  readonly opaque_data?: string
  readonly settings?: readonly (readonly [number, number])[]
  readonly error_code?: number
  readonly last_stream_id?: number
  readonly additional_debug_data?: string
  readonly window_size_increment?: number
}

export const frames: Suite = {
  name: 'frames',
  about: 'recorded frames are read, written again octet for octet, and bad ones refused',
  async run(run) {
    const entries = readCorpus('http2-frame-test-case.tar.gz')
    const tally = run.row('', 'http2-frame-test-case 5c67db0')
    for (const { path, bytes } of entries) {
      if (!path.endsWith('.json')) continue
      const testCase = JSON.parse(bytes.toString()) as Case
      const wire = Buffer.from(testCase.wire, 'hex')
      await tally.run(path, () =>
        testCase.frame === null ? refused(wire, testCase.error!) : taken(wire, testCase.frame),
      )
    }
  },
}

/** Reads the frame, compares its fields and writes it again. */
function taken(wire: Buffer, frame: NonNullable<Case['frame']>): void {
  const { frame_payload: payload } = frame
  const reader = new FrameReader()
  reader.push(wire)
  ok(reader.next(), 'a frame')
  equal(reader.type, frame.type)
  equal(reader.flags, frame.flags)
  equal(reader.streamId, frame.stream_identifier)
  equal(reader.payloadSize, frame.length)
  const carried = payload.data ?? payload.header_block_fragment ?? payload.opaque_data
  if (carried !== undefined) {
    equal(reader.bytes.toString('latin1', reader.start, reader.end), carried)
  }
  const target = Buffer.alloc(wire.length)
  let end = writeAgain(target, reader, payload)
  if (payload.padding !== null && payload.padding !== undefined) {
    // What we write as padding is zeroes (RFC 9113 §6.1); these cases have text there.
    end = target.write(payload.padding, wire.length - payload.padding.length, 'latin1')
    end += wire.length - payload.padding.length
  }
  equal(end, wire.length)
  deepEqual(target, wire)
}

function writeAgain(target: Buffer, reader: FrameReader, payload: Payload): number {
  const { bytes, start, end, streamId, flags } = reader
  const paddingSize = payload.padding_length ?? 0
  switch (reader.type) {
    case FrameType.Data: {
      const endStream = (flags & Flag.EndStream) !== 0
      return (flags & Flag.Padded) === 0
        ? writeData(target, 0, streamId, bytes, start, end, endStream)
        : writePaddedData(target, 0, streamId, bytes, start, end, paddingSize, endStream)
    }
    case FrameType.Headers:
      if ((flags & Flag.Padded) === 0) {
        return writeHeaders(target, 0, streamId, bytes, start, end, flags)
      }
      return writePaddedHeadersOf(target, reader, payload)
    case FrameType.Priority:
      return writePriority(target, 0, streamId, priorityOf(payload)!)
    case FrameType.RstStream:
      return writeRstStream(target, 0, streamId, reader.errorCode)
    case FrameType.Settings:
      return (flags & Flag.Ack) !== 0
        ? writeSettingsAck(target, 0)
        : writeEntries(target, payload.settings!)
    case FrameType.PushPromise:
      return writePaddedPush(target, reader, paddingSize)
    case FrameType.Ping:
      return writePing(target, 0, bytes, start, (flags & Flag.Ack) !== 0)
    case FrameType.Goaway:
      return writeGoaway(
        target,
        0,
        reader.lastStreamId,
        reader.errorCode,
        bytes.subarray(start, end),
      )
    case FrameType.WindowUpdate:
      return writeWindowUpdate(target, 0, streamId, reader.windowIncrement)
    default:
      return writeContinuation(target, 0, streamId, bytes, start, end, flags)
  }
}

function writePaddedHeadersOf(target: Buffer, reader: FrameReader, payload: Payload): number {
  const { bytes, start, end, streamId, flags } = reader
  const size = payload.padding_length ?? 0
  const priority = priorityOf(payload)
  return writePaddedHeaders(target, 0, streamId, bytes, start, end, flags, size, priority)
}

function priorityOf(payload: Payload): Priority | undefined {
  if (typeof payload.weight !== 'number') return undefined
  const { weight, stream_dependency: dependsOn, exclusive } = payload
  return { weight, dependsOn: dependsOn ?? 0, exclusive: exclusive ?? false }
}

function writeEntries(target: Buffer, settings: NonNullable<Payload['settings']>): number {
  let at = FRAME_HEADER_SIZE
  for (const [id, value] of settings) at = writeSetting(target, at, id, value)
  writeFrameHeader(target, 0, at - FRAME_HEADER_SIZE, FrameType.Settings, 0, 0)
  return at
}

/** We never pad a push promise, so there is no writer for one; this is put together from parts. */
function writePaddedPush(target: Buffer, reader: FrameReader, paddingSize: number): number {
  const { bytes, start, end, streamId, flags, payloadSize, promisedStreamId } = reader
  let at = writeFrameHeader(target, 0, payloadSize, FrameType.PushPromise, flags, streamId)
  if ((flags & Flag.Padded) !== 0) target[at++] = paddingSize
  at = writeUint32(target, at, promisedStreamId)
  return copyOctets(target, at, bytes, start, end)
}

/** The reader refuses the frame with one of the codes; what it does not know, a client connection does. */
function refused(wire: Buffer, codes: readonly number[]): void {
  const reader = new FrameReader()
  reader.push(wire)
  try {
    ok(reader.next(), 'an error or a frame')
    if (reader.fault !== 0) return void ok(codes.includes(reader.fault), `code ${reader.fault}`)
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    ok(codes.includes(error.errorCode), `code ${error.errorCode}: ${error.message}`)
    return
  }
  const answer = answerTo('client', wire)
  ok(
    answer.errorCodes.some(code => codes.includes(code)),
    `answered ${answer.errorCodes}`,
  )
}
