import fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import { FILE_DESCRIPTOR } from '../../src/services/descriptor-messages.js'
import { healthService, reflectionService } from '../../src/services/index.js'
import { decodeMessage, encodeMessage } from '../../src/services/message-codec.js'
import { field, type MessageType, oneof } from '../../src/services/message-type.js'
import { FIXTURES } from './peer.js'

const SEED = 20_260_101

/** Our codec of a method's request or response. */
function codecOf(service: typeof healthService | typeof reflectionService, method: string) {
  const found = service.methods.find(({ name }) => name === method)!
  return { request: found.request.get('proto')!, response: found.response.get('proto')! }
}

const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
const octets = fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
const text = fc.string({ unit: 'grapheme', maxLength: 40 })

const question = fc.oneof(
  fc.record({ fileByFilename: text }),
  fc.record({ fileContainingSymbol: text }),
  fc.record({
    fileContainingExtension: fc.record({ containingType: text, extensionNumber: int32 }),
  }),
  fc.record({ allExtensionNumbersOfType: text }),
  fc.record({ listServices: text }),
)
const request = fc.tuple(text, question).map(([host, asked]) => ({ host, ...asked }))

const answer = fc.oneof(
  fc.record({ fileDescriptorResponse: fc.record({ fileDescriptorProto: fc.array(octets) }) }),
  fc.record({
    allExtensionNumbersResponse: fc.record({
      baseTypeName: text,
      extensionNumber: fc.array(int32),
    }),
  }),
  fc.record({
    listServicesResponse: fc.record({ service: fc.array(fc.record({ name: text })) }),
  }),
  fc.record({ errorResponse: fc.record({ errorCode: int32, errorMessage: text }) }),
)
const response = fc
  .tuple(text, request, answer)
  .map(([validHost, originalRequest, answered]) => ({ validHost, originalRequest, ...answered }))

t.test('protobuf: what we write protobufjs reads, and the other way round', t => {
  const root = protobuf.loadSync(`${FIXTURES}/reflection-v1.proto`)
  const { request: ourRequest, response: ourResponse } = codecOf(
    reflectionService,
    'serverReflectionInfo',
  )
  for (const [name, codec, values] of [
    ['ServerReflectionRequest', ourRequest, request],
    ['ServerReflectionResponse', ourResponse, response],
  ] as const) {
    const type = root.lookupType(`grpc.reflection.v1.${name}`)
    const property = fc.property(values as fc.Arbitrary<object>, value => {
      const bytes = Buffer.from(codec.encode(value))
      const theirs = type.toObject(type.decode(bytes), { defaults: true, bytes: Buffer })
      const ours = codec.decode(bytes, 0, bytes.length)
      const again = Buffer.from(type.encode(type.fromObject(theirs)).finish())
      const padded = Buffer.concat([Buffer.from([255]), again, Buffer.from([255])])
      const back = codec.decode(padded, 1, padded.length - 1)
      return isSame(theirs, ours) && isSame(ours, value) && isSame(back, value)
    })
    fc.assert(property, { seed: SEED, numRuns: 300 })
  }
  t.end()
})

function isSame(one: unknown, other: unknown): boolean {
  // As text: protobufjs gives objects of its own class.
  return plain(one) === plain(other)
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

t.test('protobuf: maps from text to messages', t => {
  const type = protobuf.loadSync(`${FIXTURES}/health.proto`).lookupType('HealthListResponse')
  const { response: codec } = codecOf(healthService, 'list')
  const statuses = new Map([
    ['', { status: 1 }],
    ['__proto__', { status: 2 }],
    ['a.B', { status: 0 }],
  ])
  const bytes = Buffer.from(codec.encode({ statuses }))
  t.equal(Object.keys((type.decode(bytes) as unknown as { statuses: object }).statuses).length, 3)
  t.same(codec.decode(bytes, 0, bytes.length), { statuses })
  const withoutValue = Buffer.from('0a030a0178', 'hex')
  t.same(codec.decode(withoutValue, 0, 5), { statuses: new Map([['x', { status: 0 }]]) })
  t.end()
})

/** `DescriptorProto.nested_type`, with what is inside given as octets. */
const NESTED: MessageType = {
  name: 'x.Nested',
  fields: [field('inner', 3, 'bytes', 'optional')],
}

const sample: MessageType = {
  name: 'x.Sample',
  fields: [
    field('one_number', 1, 'int32'),
    field('is_there', 2, 'bool'),
    field('numbers', 3, 'int32', 'repeated'),
    field('maybe', 4, 'int32', 'optional'),
    ...oneof('choice', [field('left', 5, 'string'), field('right', 6, 'int32')]),
  ],
}

function decode(hex: string): unknown {
  const bytes = Buffer.from(hex, 'hex')
  return decodeMessage(sample, bytes, 0, bytes.length)
}

t.test('protobuf: presence, packed numbers, and the last member of a oneof wins', t => {
  const empty = { oneNumber: 0, isThere: false, numbers: [] }
  t.same(decode(''), empty)
  t.same(decode('1a0301027f'), { ...empty, numbers: [1, 2, 127] })
  t.same(decode('1801' + '1a0102'), { ...empty, numbers: [1, 2] })
  t.same(decode('2a0161' + '3005'), { ...empty, right: 5 })
  t.equal(encodeMessage(sample, { oneNumber: 0, isThere: false, maybe: 0 }).toString('hex'), '2000')
  t.equal(encodeMessage(sample, { oneNumber: -1 }).toString('hex'), '08ffffffffffffffffff01')
  t.same(decode('08ffffffffffffffffff01'), { ...empty, oneNumber: -1 })
  t.end()
})

t.test('protobuf: fields that are not known are skipped, whatever their type', t => {
  const unknown = [
    'f80101',
    'f9010102030405060708',
    'fa01026162',
    'fd0101020304',
    'fb0108011b1cfc01',
  ]
  t.match(decode(`${unknown.join('')}0807`), { oneNumber: 7 })
  t.match(decode('0a0161' + '0807'), { oneNumber: 7 }, 'a known number with another wire type')
  t.end()
})

t.test('protobuf: malformed messages are a RangeError', t => {
  for (const hex of [
    '08',
    '08ff',
    '2a05',
    '2a0561',
    'f901',
    '0f',
    `08${'ff'.repeat(10)}01`,
    'fb01',
  ]) {
    t.throws(() => decode(hex), { name: 'RangeError' }, hex)
  }
  let nested: Buffer = Buffer.alloc(0)
  for (let depth = 0; depth < 120; depth++) nested = encodeMessage(NESTED, { inner: nested })
  t.throws(() => decodeMessage(FILE_DESCRIPTOR, asMessage(nested), 0, asMessage(nested).length), {
    message: /more than 100 messages within messages/,
  })
  t.end()
})

function asMessage(nested: Buffer): Buffer {
  const type: MessageType = { name: 'x.File', fields: [field('message', 4, 'bytes', 'optional')] }
  return encodeMessage(type, { message: nested })
}

t.test('protobuf: any octets are a message or a RangeError', t => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
    const buffer = Buffer.from(bytes)
    for (const type of [sample, FILE_DESCRIPTOR]) {
      try {
        decodeMessage(type, buffer, 0, buffer.length)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
      }
    }
  })
  fc.assert(property, { seed: SEED, numRuns: 2_000 })
  t.end()
})
