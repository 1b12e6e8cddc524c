import t from 'tap'
import { HpackDecoder } from '../../src/hpack/index.js'
import {
  hpackInteger,
  hpackString,
  Random,
  REQUEST_FIELDS,
  randomBlock,
  randomFields,
  randomValue,
} from '../../src/testing/index.js'

t.test('RFC 7541 C.1: integers', t => {
  t.same(hpackInteger(10, 5, 0), Buffer.of(10))
  t.same(hpackInteger(1_337, 5, 0xe0), Buffer.of(0xff, 0x9a, 0x0a))
  t.same(hpackInteger(42, 8, 0), Buffer.of(42))
  t.same(hpackString('a'.repeat(127)).subarray(0, 2), Buffer.of(0x7f, 0x00))
  t.end()
})

t.test('lists are names and values in turn; some are plain requests', t => {
  const random = new Random(1)
  let plain = 0
  for (let i = 0; i < 300; i++) {
    const list = randomFields(random)
    t.equal(list.length % 2, 0)
    if (list.join() === REQUEST_FIELDS.join()) plain++
  }
  t.ok(plain > 10 && plain < 290)
  t.end()
})

t.test('a block of a list decodes to it, or is broken on purpose', t => {
  const random = new Random(2)
  let same = 0
  for (let i = 0; i < 300; i++) {
    const block = randomBlock(random, REQUEST_FIELDS)
    try {
      if (new HpackDecoder().decodeList(block).join() === REQUEST_FIELDS.join()) same++
    } catch {}
  }
  t.ok(same > 60 && same < 290, `${same} of 300`)
  t.equal(typeof randomValue(random), 'string')
  t.end()
})
