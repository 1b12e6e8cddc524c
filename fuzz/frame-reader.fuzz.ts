import {
  ConnectionError,
  ErrorCode,
  type Frame,
  FrameReader,
  FrameType,
} from '../src/frame/index.js'
import { type OracleFrame, readFrames } from './frame-oracle.js'
import { cutsOf, digest, invariant, piecesOf, sameLines } from './invariant.js'

// T1: any octets into the frame reader, against a second reading of RFC 9113 §4 and §6.

interface Outcome {
  readonly lines: string[]
  readonly errorCode: number | undefined
}

/** The first octet chooses SETTINGS_MAX_FRAME_SIZE, the rest arrives. */
export function fuzz(data: Buffer): void {
  const frameSizeMax = ((data[0] ?? 0) & 1) === 0 ? 16_384 : 16_384 + (data[0] ?? 0)
  const bytes = data.subarray(1)
  const oracle = readFrames(bytes, frameSizeMax)
  const expected = oracle.frames.map(oracleLine)
  const choice = digest(data)
  for (const cuts of [[], cutsOf(bytes.length, choice), cutsOf(bytes.length, choice >>> 7)]) {
    const { lines, errorCode } = readPieces(piecesOf(bytes, cuts), frameSizeMax)
    sameLines(lines, expected, 'T1 frames as RFC 9113 has them')
    invariant(
      errorCode === oracle.errorCode,
      'T1 error as RFC 9113 has it',
      () => `${errorCode}, expected ${oracle.errorCode}`,
    )
  }
}

function readPieces(pieces: readonly Buffer[], frameSizeMax: number): Outcome {
  const reader = new FrameReader({ frameSizeMax })
  const lines: string[] = []
  for (const piece of pieces) {
    try {
      reader.push(piece, 0, piece.length)
      while (reader.next()) {
        // A budget may end a turn anywhere.
        if (lines.length % 7 === 3) {
          const offset = reader.abandon()
          lines.push(readerLine(reader))
          reader.push(piece, offset, piece.length)
        } else lines.push(readerLine(reader))
      }
      invariant(reader.offset === piece.length, 'T1 a piece is read to its end')
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      invariant(thrownBy(() => reader.next()) === error, 'I-DEAD the reader goes on after an error')
      return { lines, errorCode: error.errorCode }
    }
    invariant(
      reader.heldSize <= frameSizeMax,
      'I-BOUND octets held by the reader',
      () => `${reader.heldSize}`,
    )
    piece.fill(0xaa)
  }
  return { lines, errorCode: undefined }
}

function thrownBy(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

function oracleLine(frame: OracleFrame): string {
  const { type, flags, streamId, size, content, fields } = frame
  const isMisshapen = type === FrameType.Priority && size !== 5
  return `${type} ${flags} ${streamId} ${size} [${fields}] ${content}${isMisshapen ? ' fault' : ''}`
}

function readerLine(reader: Frame): string {
  const { type, flags, streamId, payloadSize, bytes, start, end } = reader
  const fault = reader.fault === ErrorCode.NoError ? '' : ' fault'
  return `${type} ${flags} ${streamId} ${payloadSize} [${fieldsOf(reader)}] ${bytes.toString('hex', start, end)}${fault}`
}

function fieldsOf(reader: Frame): number[] {
  switch (reader.type) {
    case FrameType.RstStream:
      return [reader.errorCode]
    case FrameType.PushPromise:
      return [reader.promisedStreamId]
    case FrameType.Goaway:
      return [reader.lastStreamId, reader.errorCode]
    case FrameType.WindowUpdate:
      return [reader.windowIncrement]
    case FrameType.PriorityUpdate:
      return [reader.prioritizedStreamId]
    default:
      return reader.dependsOn < 0 ? [] : [reader.dependsOn]
  }
}
