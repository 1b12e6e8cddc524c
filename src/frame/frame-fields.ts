import { ErrorCode } from './error-code.js'
import type { Frame } from './frame.js'
import { ConnectionError } from './frame-error.js'
import { readStreamId, readUint32 } from './frame-header.js'
import { frameRule, PRIORITY_SIZE } from './frame-shape.js'
import { Flag, FrameType, frameName } from './frame-type.js'

/**
 * Takes padding and fixed fields off the payload of `frame`, whose size and
 * stream `shapeError` has let pass: sets the fields of its type and moves
 * `start` and `end`. Returns what is wrong with them, if anything.
 */
export function readFields(frame: Frame): ConnectionError | undefined {
  switch (frame.type) {
    case FrameType.Data:
      return stripPadding(frame, 0)
    case FrameType.Headers:
      return readHeadersFields(frame)
    case FrameType.Priority:
      readPriorityFields(frame)
      break
    case FrameType.RstStream:
      frame.errorCode = readUint32(frame.bytes, frame.start)
      break
    case FrameType.Settings:
    case FrameType.Ping:
    case FrameType.Continuation:
      return undefined
    case FrameType.PushPromise:
      return readPushPromiseFields(frame)
    case FrameType.Goaway:
      frame.lastStreamId = readStreamId(frame.bytes, frame.start)
      frame.errorCode = readUint32(frame.bytes, frame.start + 4)
      frame.start += 8
      return undefined
    case FrameType.WindowUpdate:
      frame.windowIncrement = readStreamId(frame.bytes, frame.start) // 31 bits as well
      break
    case FrameType.PriorityUpdate:
      return readPriorityUpdateFields(frame)
  }
  frame.start = frame.end
  return undefined
}

function readHeadersFields(frame: Frame): ConnectionError | undefined {
  if ((frame.flags & Flag.Priority) === 0) return stripPadding(frame, 0)
  const error = stripPadding(frame, PRIORITY_SIZE)
  if (error !== undefined) return error
  frame.dependsOn = readStreamId(frame.bytes, frame.start)
  frame.start += PRIORITY_SIZE
  return undefined
}

function readPriorityFields(frame: Frame): void {
  if (frame.payloadSize === PRIORITY_SIZE) frame.dependsOn = readStreamId(frame.bytes, frame.start)
  else frame.fault = ErrorCode.FrameSizeError
}

function readPushPromiseFields(frame: Frame): ConnectionError | undefined {
  const error = stripPadding(frame, 4)
  if (error !== undefined) return error
  const promised = readStreamId(frame.bytes, frame.start)
  // Only servers push, so a promised stream is even whatever our role. §5.1.1, §8.4.
  if (promised === 0 || (promised & 1) !== 0) {
    return protocolError(frame, `PUSH_PROMISE promises stream ${promised}; expected an even one`)
  }
  frame.promisedStreamId = promised
  frame.start += 4
  return undefined
}

function readPriorityUpdateFields(frame: Frame): ConnectionError | undefined {
  const prioritized = readStreamId(frame.bytes, frame.start)
  if (prioritized === 0) return protocolError(frame, 'PRIORITY_UPDATE names stream 0')
  frame.prioritizedStreamId = prioritized
  frame.start += 4
  return undefined
}

/** Takes off the pad length octet and the padding; `fieldsSize` octets must remain. RFC 9113 §6.1. */
function stripPadding(frame: Frame, fieldsSize: number): ConnectionError | undefined {
  if ((frame.flags & Flag.Padded) === 0) return undefined
  const paddingSize = frame.bytes[frame.start]!
  const room = frame.payloadSize - 1 - fieldsSize
  if (paddingSize > room) {
    return protocolError(
      frame,
      `${frameName(frame.type)} of ${frame.payloadSize} octets has ${paddingSize} of padding; ${room} fit`,
    )
  }
  frame.start += 1
  frame.end -= paddingSize
  return undefined
}

function protocolError(frame: Frame, message: string): ConnectionError {
  return new ConnectionError(ErrorCode.ProtocolError, frameRule(frame.type), message)
}
