import t from 'tap'
import { CLIENT_PREFACE, FrameReader, FrameType } from '../../src/frame/index.js'
import { HpackDecoder } from '../../src/hpack/index.js'
import {
  Random,
  randomClientOctets,
  randomFrame,
  randomServerOctets,
  randomSettings,
} from '../../src/testing/index.js'

t.test('RFC 9113 §3.4: what a client might send begins with the preface and SETTINGS', t => {
  for (let seed = 0; seed < 50; seed++) {
    const octets = randomClientOctets(new Random(seed))
    t.ok(octets.subarray(0, CLIENT_PREFACE.length).equals(CLIENT_PREFACE))
    t.equal(octets[CLIENT_PREFACE.length + 3], FrameType.Settings)
    t.equal(randomServerOctets(new Random(seed))[3], FrameType.Settings)
  }
  t.end()
})

t.test('most conversations are right in form, down to their header blocks', t => {
  let right = 0
  for (let seed = 0; seed < 200; seed++) {
    const octets = randomClientOctets(new Random(seed))
    const reader = new FrameReader({ frameSizeMax: 0xff_ffff })
    const decoder = new HpackDecoder()
    try {
      reader.push(octets, CLIENT_PREFACE.length, octets.length)
      let block = Buffer.alloc(0)
      while (reader.next()) {
        if (reader.type !== FrameType.Headers && reader.type !== FrameType.Continuation) continue
        block = Buffer.concat([block, reader.bytes.subarray(reader.start, reader.end)])
        if ((reader.flags & 4) === 0) continue
        decoder.decodeList(block)
        block = Buffer.alloc(0)
      }
      right++
    } catch {}
  }
  t.ok(right > 120, `${right} of 200`)
  t.end()
})

t.test('single frames are of every type', t => {
  const random = new Random(4)
  const types = new Set<number>()
  for (let i = 0; i < 500; i++) types.add(randomFrame(random)[3]!)
  for (let type = 0; type <= 9; type++) t.ok(types.has(type), `type ${type}`)
  for (let i = 0; i < 50; i++) t.equal((randomSettings(random).length - 9) % 6, 0)
  t.end()
})
