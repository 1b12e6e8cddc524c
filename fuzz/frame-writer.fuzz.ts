import {
  FrameReader,
  writeContinuation,
  writeData,
  writeGoaway,
  writeHeaders,
  writePaddedData,
  writePaddedHeaders,
  writePing,
  writePriority,
  writePriorityUpdate,
  writePushPromise,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from '../src/frame/index.js'
import { OctetSource } from '../src/testing/index.js'
import { type OracleFrame, readFrames } from './frame-oracle.js'
import { invariant, sameLines } from './invariant.js'

// T2: frames that we write are read back as they were meant, by us and by a second reading of the RFC.

const ROOM = 100_000
const MARGIN = 0x5a

/** Each octet chooses a frame; the next ones what is in it. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const target = Buffer.alloc(ROOM, MARGIN)
  const expected: string[] = []
  let offset = 0
  while (source.left > 0 && offset < ROOM / 2) {
    const { frame, end } = writeFrame(source, target, offset)
    expected.push(line(frame))
    invariant(target[end] === MARGIN, 'I-OUT a writer stays within the frame it announced')
    offset = end
  }
  const oracle = readFrames(target.subarray(0, offset), 0xff_ffff)
  invariant(
    oracle.errorCode === undefined,
    'I-OUT every frame is legal',
    () => `${oracle.errorCode}`,
  )
  sameLines(oracle.frames.map(line), expected, 'I-RT a second reader reads what was written')
  const reader = new FrameReader({ frameSizeMax: 0xff_ffff })
  reader.push(target, 0, offset)
  let count = 0
  while (reader.next()) count++
  invariant(count === expected.length, 'I-RT our reader reads what was written')
}

function line({ type, flags, streamId, fields, content }: OracleFrame): string {
  return `${type} ${flags} ${streamId} [${fields}] ${content}`
}

function writeFrame(
  source: OctetSource,
  target: Buffer,
  offset: number,
): { frame: OracleFrame; end: number } {
  const kind = source.integer(0, 13)
  const streamId = 1 + (source.number(4) % 0x7fff_fffe)
  const content = source.octets(source.octet() & 0x3f)
  const flag = source.flag()
  const of = (
    type: number,
    flags: number,
    id: number,
    carried: Buffer,
    fields: number[],
    end: number,
  ) => ({
    frame: { type, flags, streamId: id, size: 0, content: carried.toString('hex'), fields },
    end,
  })
  const none = Buffer.alloc(0)
  const size = content.length
  const end = flag ? 1 : 0
  switch (kind) {
    case 0:
      return of(
        0,
        end,
        streamId,
        content,
        [],
        writeData(target, offset, streamId, content, 0, size, flag),
      )
    case 1: {
      const padding = source.octet()
      return of(
        0,
        8 | end,
        streamId,
        content,
        [],
        writePaddedData(target, offset, streamId, content, 0, size, padding, flag),
      )
    }
    case 2:
      return of(
        1,
        4 | end,
        streamId,
        content,
        [],
        writeHeaders(target, offset, streamId, content, 0, size, 4 | end),
      )
    case 3: {
      const dependsOn = source.number(4) % 2 ** 31
      const priority = { dependsOn, weight: source.integer(1, 256), exclusive: source.flag() }
      const at = writePaddedHeaders(
        target,
        offset,
        streamId,
        content,
        0,
        size,
        4,
        source.octet(),
        priority,
      )
      return of(1, 0x2c, streamId, content, [dependsOn], at)
    }
    case 4:
      return of(
        9,
        4,
        streamId,
        content,
        [],
        writeContinuation(target, offset, streamId, content, 0, size, 4),
      )
    case 5: {
      const promised = 2 + 2 * (source.number(4) % 0x3fff_ffff)
      return of(
        5,
        4,
        streamId,
        content,
        [promised],
        writePushPromise(target, offset, streamId, promised, content, 0, size, 4),
      )
    }
    case 6: {
      const dependsOn = source.number(4) % 2 ** 31
      const at = writePriority(target, offset, streamId, {
        dependsOn,
        weight: source.integer(1, 256),
        exclusive: flag,
      })
      return of(2, 0, streamId, none, [dependsOn], at)
    }
    case 7: {
      const text = content.toString('latin1').replace(/[^ -~]/g, '?')
      return of(
        16,
        0,
        0,
        Buffer.from(text, 'latin1'),
        [streamId],
        writePriorityUpdate(target, offset, streamId, text),
      )
    }
    case 8: {
      const code = source.number(4)
      return of(3, 0, streamId, none, [code], writeRstStream(target, offset, streamId, code))
    }
    case 9:
      return of(
        8,
        0,
        streamId,
        none,
        [streamId],
        writeWindowUpdate(target, offset, streamId, streamId),
      )
    case 10: {
      const opaque = Buffer.alloc(8)
      content.copy(opaque)
      return of(6, end, 0, opaque, [], writePing(target, offset, opaque, 0, flag))
    }
    case 11: {
      const code = source.number(4)
      return of(
        7,
        0,
        0,
        content,
        [streamId, code],
        writeGoaway(target, offset, streamId, code, content),
      )
    }
    case 12:
      return of(4, 1, 0, none, [], writeSettingsAck(target, offset))
    default: {
      const value = source.number(4) % 2 ** 31
      const carried = Buffer.alloc(12)
      carried.writeUInt16BE(2, 0)
      carried.writeUInt32BE(flag ? 1 : 0, 2)
      carried.writeUInt16BE(4, 6)
      carried.writeUInt32BE(value, 8)
      return of(
        4,
        0,
        0,
        carried,
        [],
        writeSettings(target, offset, { enablePush: flag, initialWindowSize: value }),
      )
    }
  }
}
