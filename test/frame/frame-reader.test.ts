import t from 'tap'
import {
  type ConnectionError,
  ErrorCode,
  Flag,
  FRAME_SIZE_LIMIT,
  FrameReader,
  FrameType,
  writeFrameHeader,
} from '../../src/frame/index.js'
import { frame, payloadOf, readWhole } from './frames.js'

const data = frame(FrameType.Data, Flag.EndStream, 1, 'aabbcc')
const ping = frame(FrameType.Ping, 0, 0, '0102030405060708')

function thrownBy(call: () => void): ConnectionError {
  try {
    call()
  } catch (error) {
    return error as ConnectionError
  }
  throw new Error('nothing was thrown')
}

t.test(
  'reusesJoined: readers share the buffer of frames in pieces, one after the other; without it none does',
  t => {
    const octets = (value: number) => Buffer.alloc(8_000, value).toString('hex')
    const frames = [1, 2, 3].map(value => frame(FrameType.Data, 0, 1, octets(value)))
    const begin = (reader: FrameReader, bytes: Buffer): void => {
      reader.push(bytes, 0, 4_000)
      t.notOk(reader.next())
    }
    const end = (reader: FrameReader, bytes: Buffer): ArrayBufferLike => {
      reader.push(bytes, 4_000, bytes.length)
      t.ok(reader.next())
      return reader.bytes.buffer
    }
    const isAll = (reader: FrameReader, value: number) =>
      reader.bytes.subarray(reader.start, reader.end).every(octet => octet === value)
    for (const reusesJoined of [true, false]) {
      const [one, two] = [new FrameReader({ reusesJoined }), new FrameReader({ reusesJoined })]
      begin(one, frames[0]!)
      begin(two, frames[1]!)
      const first = end(one, frames[0]!)
      const second = end(two, frames[1]!)
      t.not(first, second, 'never two at a time')
      t.ok(isAll(one, 1) && isAll(two, 2))
      t.notOk(one.next())
      begin(one, frames[2]!)
      t.ok(isAll(two, 2), 'what another shows stays')
      t.equal(end(one, frames[2]!) === first, reusesJoined)
      t.ok(isAll(one, 3))
      t.notOk(two.next())
      t.notOk(one.next())
      begin(one, frames[0]!)
      begin(two, frames[1]!)
      t.not(end(one, frames[0]!), end(two, frames[1]!), 'nor after they were given back')
    }
    t.end()
  },
)

t.test('a frame that lies whole in the pushed range is not copied', t => {
  const chunk = Buffer.concat([Buffer.from('eeee', 'hex'), data, ping, Buffer.from('ee', 'hex')])
  const reader = new FrameReader()
  reader.push(chunk, 2, chunk.length - 1)
  t.ok(reader.next())
  t.equal(reader.bytes, chunk)
  t.same([reader.type, reader.flags, reader.streamId], [FrameType.Data, Flag.EndStream, 1])
  t.same([reader.start, reader.end, reader.payloadSize], [11, 14, 3])
  t.equal(reader.offset, 14)
  t.ok(reader.next())
  t.equal(reader.bytes, chunk)
  t.same([reader.type, reader.start, reader.end], [FrameType.Ping, 23, 31])
  t.notOk(reader.next())
  t.equal(reader.offset, chunk.length - 1)
  t.equal(reader.heldSize, 0)
  t.end()
})

t.test('an empty range has no frames', t => {
  const reader = new FrameReader()
  t.notOk(reader.next(), 'nothing was pushed')
  reader.push(data, 4, 4)
  t.notOk(reader.next())
  t.equal(reader.offset, 4)
  reader.push(data)
  t.ok(reader.next())
  t.end()
})

t.test('only the payload is copied when only the payload is in pieces', t => {
  const reader = new FrameReader()
  reader.push(data, 0, 5)
  t.notOk(reader.next())
  t.equal(reader.heldSize, 5)
  reader.push(data, 5)
  t.ok(reader.next(), 'the header was in pieces, the payload was not')
  t.equal(reader.bytes, data)
  t.equal(payloadOf(reader), 'aabbcc')

  reader.push(data, 0, 10)
  t.notOk(reader.next())
  t.equal(reader.heldSize, 1)
  reader.push(data, 10)
  t.ok(reader.next())
  t.not(reader.bytes, data)
  t.equal(payloadOf(reader), 'aabbcc')
  t.equal(reader.heldSize, 0)
  t.end()
})

t.test('each joined frame has a buffer of its own', t => {
  const reader = new FrameReader()
  const lent: { bytes: Buffer; start: number; end: number }[] = []
  for (const octet of ['11', '22', '33']) {
    const bytes = frame(FrameType.Data, 0, 1, octet.repeat(3))
    for (const [start, end] of [
      [0, 10],
      [10, 11],
      [11, 12],
    ] as const) {
      reader.push(Buffer.from(bytes.subarray(start, end)))
      while (reader.next()) {
        lent.push({ bytes: reader.bytes, start: reader.start, end: reader.end })
      }
    }
  }
  const texts = lent.map(({ bytes, start, end }) => bytes.toString('hex', start, end))
  t.same(texts, ['111111', '222222', '333333'])
  t.end()
})

t.test('a reader without a frame keeps no reference to the pushed buffer', t => {
  const reader = new FrameReader()
  reader.push(data)
  t.ok(reader.next())
  t.notOk(reader.next())
  t.not(reader.bytes, data)
  t.same([reader.start, reader.end, reader.bytes.length], [0, 0, 0])
  t.end()
})

t.test('a range that is neither read to its end nor abandoned is a mistake of the caller', t => {
  const reader = new FrameReader()
  reader.push(Buffer.concat([data, ping]))
  t.ok(reader.next())
  t.throws(() => reader.push(ping), new RangeError('push: 17 octets of the last range are unread'))
  t.ok(reader.next(), 'and the range goes on')
  t.equal(reader.type, FrameType.Ping)
  reader.push(data)
  t.ok(reader.next(), 'at its end, next() need not have been false')
  t.end()
})

t.test('an abandoned range can be pushed again from where the cursor stood', t => {
  const chunk = Buffer.concat([data, ping, data.subarray(0, 10)])
  const reader = new FrameReader()
  reader.push(chunk)
  t.ok(reader.next())
  const reached = reader.abandon()
  t.equal(reached, data.length)
  t.equal(payloadOf(reader), 'aabbcc', 'the current frame stays readable')
  t.notOk(reader.next(), 'nothing is left here')

  reader.push(chunk, reached)
  t.ok(reader.next())
  t.equal(reader.type, FrameType.Ping)
  t.notOk(reader.next())
  t.equal(reader.abandon(), chunk.length, 'octets that are kept are not given back')
  reader.push(data, 10)
  t.ok(reader.next())
  t.equal(payloadOf(reader), 'aabbcc')
  t.end()
})

t.test('an unknown frame can be abandoned in the middle of its payload', t => {
  const unknown = frame(0xee, 0, 1, 20)
  const reader = new FrameReader()
  reader.push(unknown, 0, 15)
  t.ok(reader.next())
  t.equal(reader.abandon(), 15)
  reader.push(Buffer.concat([unknown.subarray(15), ping]))
  t.ok(reader.next())
  t.equal(reader.type, FrameType.Ping)
  t.end()
})

t.test(
  'RFC 9113 §5.5: unknown frames are shown once, and never kept, over any number of chunks',
  t => {
    const header = Buffer.alloc(9)
    writeFrameHeader(header, 0, FRAME_SIZE_LIMIT, 0xee, 0x05, 7)
    const reader = new FrameReader({ frameSizeMax: FRAME_SIZE_LIMIT })
    const chunk = Buffer.alloc(65_536)
    reader.push(Buffer.concat([header, chunk]))
    t.ok(reader.next())
    t.same([reader.type, reader.flags, reader.streamId], [0xee, 0x05, 7])
    t.equal(reader.payloadSize, FRAME_SIZE_LIMIT)
    t.equal(reader.start, reader.end)
    t.notOk(reader.next())
    t.equal(reader.heldSize, 0)

    let left = FRAME_SIZE_LIMIT - chunk.length
    const before = process.memoryUsage().arrayBuffers
    while (left > 0) {
      reader.push(chunk, 0, Math.min(left, chunk.length))
      left -= chunk.length
      if (reader.next()) t.fail('there is no second frame')
      if (reader.heldSize !== 0) t.fail(`${reader.heldSize} octets are kept`)
    }
    t.ok(process.memoryUsage().arrayBuffers - before < 1_000_000, 'nor is there a buffer for them')
    reader.push(ping)
    t.ok(reader.next())
    t.equal(reader.type, FrameType.Ping)
    t.end()
  },
)

t.test('RFC 9113 §4.2: a frame above SETTINGS_MAX_FRAME_SIZE is refused by its header alone', t => {
  for (const type of [0x0, 0x1, 0x2, 0x4, 0x7, 0x9, 0xee]) {
    const header = Buffer.alloc(9)
    writeFrameHeader(header, 0, 16_385, type, 0, type === 4 || type === 7 ? 0 : 1)
    const error = thrownBy(() => {
      const reader = new FrameReader()
      reader.push(header)
      reader.next()
    })
    t.match(error, {
      errorCode: ErrorCode.FrameSizeError,
      rule: 'RFC 9113 §4.2',
      message: 'payload is 16385 octets; at most 16384 are accepted',
    })
  }
  t.match(readWhole(frame(FrameType.Data, 0, 1, 16_385)).error, { rule: 'RFC 9113 §4.2' })
  t.match(readWhole(frame(FrameType.Data, 0, 1, 16_384)).error, undefined)
  t.end()
})

t.test('RFC 9113 §6.5.3: frameSizeMax can change between frames', t => {
  const reader = new FrameReader()
  t.equal(reader.frameSizeMax, 16_384)
  reader.frameSizeMax = 20_000
  reader.push(frame(FrameType.Data, 0, 1, 20_000))
  t.ok(reader.next())
  reader.frameSizeMax = 16_384
  reader.push(frame(FrameType.Data, 0, 1, 20_000))
  t.match(
    thrownBy(() => reader.next()),
    { errorCode: ErrorCode.FrameSizeError },
  )
  t.end()
})

t.test('RFC 9113 §4.2: our own frameSizeMax is 2^14 to 2^24 - 1, else RangeError', t => {
  t.equal(new FrameReader({ frameSizeMax: 16_384 }).frameSizeMax, 16_384)
  t.equal(new FrameReader({ frameSizeMax: FRAME_SIZE_LIMIT }).frameSizeMax, FRAME_SIZE_LIMIT)
  const reader = new FrameReader()
  for (const value of [16_383, FRAME_SIZE_LIMIT + 1, 20_000.5, Number.NaN]) {
    const expected = new RangeError(`frameSizeMax is ${value}; 16384 to 16777215 is allowed`)
    t.throws(() => new FrameReader({ frameSizeMax: value }), expected)
    t.throws(() => {
      reader.frameSizeMax = value
    }, expected)
  }
  t.end()
})

t.test('RFC 9113 §5.4.1: after an error next() throws the same error, whatever is pushed', t => {
  const wrong: [string, Buffer][] = [
    ['size', frame(FrameType.Ping, 0, 0, 7)],
    ['stream 0', frame(FrameType.Data, 0, 0, 1)],
    ['padding', frame(FrameType.Data, Flag.Padded, 1, '05')],
    ['too large', frame(FrameType.Data, 0, 1, 16_385)],
  ]
  for (const [name, bytes] of wrong) {
    const reader = new FrameReader()
    reader.push(Buffer.concat([data, bytes, ping]))
    t.ok(reader.next())
    const error = thrownBy(() => reader.next())
    t.equal(error.name, 'ConnectionError', name)
    t.equal(
      thrownBy(() => reader.next()),
      error,
    )
    reader.push(ping)
    t.equal(
      thrownBy(() => reader.next()),
      error,
    )
    reader.push(ping)
    t.equal(reader.heldSize, 0)
    t.not(reader.bytes, bytes, 'and nothing is kept')
  }
  t.end()
})
