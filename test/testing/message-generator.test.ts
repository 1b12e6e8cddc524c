import t from 'tap'
import { MessageReader } from '../../src/grpc/index.js'
import { Random, randomMessages } from '../../src/testing/index.js'

t.test('messages have their prefix, and seldom a lying one', t => {
  let whole = 0
  let count = 0
  for (let seed = 0; seed < 300; seed++) {
    const octets = randomMessages(new Random(seed))
    const reader = new MessageReader(1 << 20)
    reader.push(octets, 0, octets.length)
    while (reader.next()) count++
    reader.hold()
    if (reader.heldSize === 0 && reader.excessSize < 0) whole++
  }
  t.ok(count > 200, `${count} messages`)
  t.ok(whole > 200 && whole < 300, `${whole} of 300 are whole`)
  t.end()
})
