import t from 'tap'
import { FieldWriter, fieldText, readFields } from '../../src/grpc/wire/protobuf-fields.js'

t.test('protobuf encoding: a tag is number and wire type, varints go seven bits at a time', t => {
  const writer = new FieldWriter()
  writer.putNumber(1, 0)
  writer.putNumber(1, 300)
  writer.putText(2, 'testing')
  writer.putText(2, '')
  writer.putBytes(3, Buffer.alloc(0))
  writer.putMessage(4, Buffer.alloc(0))
  const octets = writer.finish()
  t.equal(octets.toString('hex'), '08ac02120774657374696e672200')
  const [number, text, empty] = [...readFields(octets)]
  t.match(number, { id: 1, number: 300 })
  t.equal(text!.id, 2)
  t.equal(fieldText(text!), 'testing')
  t.equal(empty!.bytes.length, 0)
  t.end()
})

t.test('protobuf encoding: fields of any size, text of several octets', t => {
  const writer = new FieldWriter()
  const text = 'für '.repeat(20_000)
  for (let round = 0; round < 3; round++) {
    writer.putText(1, text)
    writer.putBytes(2, Buffer.alloc(200, round + 1))
  }
  const fields = [...readFields(writer.finish())]
  t.same(
    fields.map(({ id, bytes }) => [id, bytes.length]),
    [1, 2, 1, 2, 1, 2].map(id => [id, id === 1 ? 100_000 : 200]),
  )
  t.equal(fieldText(fields[4]!), text)
  t.same(fields[5]!.bytes, Buffer.alloc(200, 3))
  t.end()
})

t.test('fixed fields are passed over; what is cut short or a group is refused', t => {
  const fixed = [...readFields(Buffer.from('09010203040506070815010203041801', 'hex'))]
  t.same(
    fixed.map(({ id, bytes, number }) => [id, bytes.length, number]),
    [
      [1, 8, 0],
      [2, 4, 0],
      [3, 0, 1],
    ],
  )
  const elevenOctets = `08${'80'.repeat(10)}01`
  for (const hex of ['80', '0a05aa', '0b', '09aa', '08', elevenOctets]) {
    t.throws(() => [...readFields(Buffer.from(hex, 'hex'))], RangeError, hex)
  }
  t.end()
})
