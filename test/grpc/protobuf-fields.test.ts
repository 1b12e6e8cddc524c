import t from 'tap'
import {
  fieldText,
  putBytes,
  putMessage,
  putNumber,
  readFields,
} from '../../src/grpc/wire/protobuf-fields.js'

t.test('protobuf encoding: a tag is number and wire type, varints go seven bits at a time', t => {
  const octets: number[] = []
  putNumber(octets, 1, 0)
  putNumber(octets, 1, 300)
  putBytes(octets, 2, Buffer.from('testing'))
  putBytes(octets, 3, Buffer.alloc(0))
  putMessage(octets, 4, [])
  t.equal(Buffer.from(octets).toString('hex'), '08ac02120774657374696e672200')
  const [number, text, empty] = [...readFields(Buffer.from(octets))]
  t.match(number, { id: 1, number: 300 })
  t.equal(text!.id, 2)
  t.equal(fieldText(text!), 'testing')
  t.equal(empty!.bytes.length, 0)
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
