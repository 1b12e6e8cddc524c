import t from 'tap'
import {
  MessageError,
  ProtobufReader,
  WireType,
} from '../../src/transport/micro/protobuf-reader.js'
import { StringCache } from '../../src/transport/micro/string-cache.js'

function readerOf(...octets: number[]): { reader: ProtobufReader; end: number } {
  const reader = new ProtobufReader()
  reader.begin(Buffer.of(0xff, 0xff, ...octets, 0x00), 2)
  return { reader, end: octets.length + 2 }
}

t.test('protobuf: a tag is field number and wire type', t => {
  const { reader, end } = readerOf(0x92, 0x01)
  t.equal(reader.tag(end), (18 << 3) | WireType.Bytes)
  t.equal(reader.offset, end)
  t.end()
})

t.test('nothing is read at or beyond the end, though octets are there', t => {
  t.throws(() => readerOf(0x80).reader.tag(3), MessageError)
  t.throws(() => readerOf(0x05, 1, 2).reader.size(5), {
    message: /field of 5 octets, but only 2 are left/,
  })
  const { reader, end } = readerOf(0x01)
  t.throws(() => reader.skip((1 << 3) | WireType.Fixed32, end), MessageError)
  t.end()
})

t.test('offsets in errors count from the start of the message', t => {
  const { reader, end } = readerOf(0x08, 0x80)
  reader.tag(end)
  t.throws(() => reader.skip(8, end), { message: /at octet 1 of the message/ })
  t.end()
})

t.test('text comes from the cache when it is known, and is UTF-8 when it is not ASCII', t => {
  const cache = new StringCache()
  const text = Buffer.from('é', 'utf8')
  const { reader, end } = readerOf(2, 0x68, 0x69, 2, 0x68, 0x69, text.length, ...text)
  t.equal(reader.text(cache, end), 'hi')
  t.equal(reader.text(cache, end), 'hi')
  t.equal(reader.text(cache, end), 'é')
  t.equal(reader.offset, end)
  t.end()
})
