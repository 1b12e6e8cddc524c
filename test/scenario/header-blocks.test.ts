import t from 'tap'
import type { HeaderBlock } from '../../src/connection/index.js'
import {
  Code,
  frames,
  indexed,
  insertingBlock,
  integer,
  literalBlock,
  REQUEST,
  RESPONSE,
  requestWith,
  SettingId,
  TRAILERS,
  Type,
  tableSizeUpdate,
} from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

const BLOCK = literalBlock(REQUEST)
const half = (block: Buffer): [Buffer, Buffer] => [
  block.subarray(0, block.length >> 1),
  block.subarray(block.length >> 1),
]

t.test('RFC 9113 §4.3: a block may be cut into HEADERS and CONTINUATION anywhere', t => {
  for (let cut = 0; cut <= BLOCK.length; cut++) {
    const { peer, recorder } = connect({ role: 'server' })
    peer.sends(
      frames.headers(1, BLOCK.subarray(0, cut), { endHeaders: false, endStream: true }),
      frames.continuation(1, BLOCK.subarray(cut)),
    )
    t.strictSame(recorder.on(1).lists, [REQUEST], `cut at ${cut}`)
    t.ok(recorder.on(1).ended)
  }
  t.end()
})

t.test('RFC 9113 §6.10: nothing but CONTINUATION of the same stream fits into a block', t => {
  const [first, second] = half(literalBlock(RESPONSE))
  const wrong: Record<string, Buffer> = {
    DATA: frames.data(1),
    HEADERS: frames.headers(1, second),
    PRIORITY: frames.priority(1),
    RST_STREAM: frames.rstStream(1, Code.cancel),
    SETTINGS: frames.settings(),
    PING: frames.ping(),
    GOAWAY: frames.goaway(0, 0),
    WINDOW_UPDATE: frames.windowUpdate(0, 1),
    'CONTINUATION of another stream': frames.continuation(3, second),
    'CONTINUATION of stream 0': frames.continuation(0, second),
    'unknown type': frames.raw(0xee, 0, 1),
  }
  for (const role of ROLES) {
    for (const [name, frame] of Object.entries(wrong)) {
      const { peer, connection } = withStream({ role })
      peer.sends(frames.headers(1, first, { endHeaders: false, endStream: true }), frame)
      peer.expectsFatal(Code.protocolError)
      t.ok(connection.finished, `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.10: CONTINUATION without an open block is a connection error', t => {
  for (const role of ROLES) {
    for (const endHeaders of [true, false]) {
      const { peer } = withStream({ role })
      peer.sends(frames.continuation(1, literalBlock(RESPONSE), endHeaders))
      peer.expectsFatal(Code.protocolError)
      const late = withStream({ role })
      const id = role === 'client' ? 1 : 3
      late.peer.sends(frames.headers(id, role === 'client' ? RESPONSE : REQUEST))
      late.peer.sends(frames.continuation(id, Buffer.alloc(0), endHeaders))
      late.peer.expectsFatal(Code.protocolError)
    }
  }
  t.end()
})

t.test('RFC 9113 §6.2: END_STREAM of HEADERS counts once the whole block is there', t => {
  for (const role of ROLES) {
    const [first, second] = half(role === 'client' ? literalBlock(RESPONSE) : BLOCK)
    const { peer, events, open } = connect({ role })
    if (role === 'client') open(true)
    peer.takes()
    peer.sends(frames.headers(1, first, { endHeaders: false, endStream: true }))
    t.same(events, [])
    peer.sends(frames.continuation(1, second))
    t.same(events, [role === 'client' ? 'headers 1 end' : 'request 1 end'])
  }
  t.end()
})

t.test('RFC 9113 §4.3: an empty fragment is legal', t => {
  const { peer, recorder } = connect({ role: 'server' })
  peer.sends(
    frames.headers(1, Buffer.alloc(0), { endHeaders: false }),
    frames.continuation(1, BLOCK, false),
    frames.continuation(1, Buffer.alloc(0)),
  )
  t.same(recorder.on(1).lists, [REQUEST])
  t.end()
})

const BROKEN: Record<string, Buffer> = {
  'RFC 7541 §6.1: index 0': Buffer.of(0x80),
  'RFC 7541 §2.3.3: index beyond both tables': indexed(62),
  'RFC 7541 §2.3.3: far beyond': indexed(5_000),
  'RFC 7541 §6.2.1: name beyond both tables': Buffer.concat([integer(63, 6, 0x40), Buffer.of(0)]),
  'RFC 7541 §5.1: integer without end': Buffer.concat([Buffer.of(0xff), Buffer.alloc(50, 0x80)]),
  'RFC 7541 §5.1: integer too large': Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
  'RFC 7541 §5.1: integer cut short': Buffer.of(0xff, 0x80),
  'RFC 7541 §5.2: string longer than the block': Buffer.of(0x00, 0x0a, 0x61),
  'RFC 7541 §5.2: EOS inside a Huffman string': Buffer.of(0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00),
  'RFC 7541 §5.2: Huffman padding of eight ones': Buffer.of(0x00, 0x82, 0x1f, 0xff, 0x00),
  'RFC 7541 §5.2: Huffman padding of zeros': Buffer.of(0x00, 0x81, 0x18, 0x00),
  'RFC 7541 §6.3: table size beyond our setting': tableSizeUpdate(4_097),
  'RFC 7541 §4.2: table size update behind a field': Buffer.concat([
    indexed(2),
    tableSizeUpdate(0),
  ]),
  'RFC 7541 §4.2: three table size updates': Buffer.concat([0, 1, 2].map(tableSizeUpdate)),
  'RFC 7541 §6.2: value missing': Buffer.of(0x00, 0x01, 0x61),
}

t.test('RFC 9113 §4.3: a block that does not decode is a connection error COMPRESSION_ERROR', t => {
  for (const role of ROLES) {
    for (const [name, block] of Object.entries(BROKEN)) {
      const { peer, recorder } = withStream({ role })
      const before = recorder.streams.size
      peer.sends(frames.headers(role === 'client' ? 1 : 3, block))
      peer.expectsFatal(Code.compressionError)
      t.equal(recorder.streams.size, before, `${role}, ${name}`)
    }
  }
  t.end()
})

t.test('RFC 9113 §4.3: blocks we do not care for are decoded too', t => {
  const broken = Buffer.of(0x80)
  const refused = connect({ role: 'server', limits: { streamsMax: 0 } })
  refused.peer.sends(frames.headers(1, broken))
  refused.peer.expectsFatal(Code.compressionError)

  const reset = withStream({ role: 'client' })
  reset.stream.reset(Code.cancel)
  reset.peer.sends(frames.headers(1, broken))
  reset.peer.expectsNext(frames.rstStream(1, Code.cancel))
  reset.peer.expectsFatal(Code.compressionError)
  t.end()
})

t.test('RFC 9113 §4.3: table entries of refused, reset and malformed blocks stay usable', t => {
  const inserting = Buffer.concat([BLOCK, insertingBlock(['x-late', 'yes'])])
  const byIndex = Buffer.concat([BLOCK, indexed(62)])
  const check = (name: string, build: () => ReturnType<typeof connect>): void => {
    const { peer, recorder } = build()
    peer.sends(frames.headers(101, byIndex, { endStream: true }))
    t.same(recorder.on(101).lists, [[...REQUEST, 'x-late', 'yes']], name)
  }
  check('refused', () => {
    const connected = connect({ role: 'server', limits: { streamsMax: 1 }, hold: true })
    connected.peer.sends(frames.headers(1, REQUEST), frames.headers(3, inserting))
    connected.peer.expects(frames.rstStream(3, Code.refusedStream))
    connected.peer.sends(frames.rstStream(1, Code.cancel))
    connected.recorder.stream(1).release()
    return connected
  })
  check('reset by us', () => {
    const connected = withStream({ role: 'server' })
    connected.stream.reset(Code.cancel)
    connected.peer.sends(frames.headers(1, inserting, { endStream: true }))
    return connected
  })
  check('malformed', () => {
    const connected = connect({ role: 'server' })
    const list = Buffer.concat([literalBlock(['X-Upper', '1']), inserting])
    connected.peer.sends(frames.headers(1, list))
    connected.peer.expects(frames.rstStream(1, Code.protocolError))
    return connected
  })
  check('STREAM_CLOSED', () => {
    const connected = connect({ role: 'server' })
    connected.peer.requests(1)
    connected.peer.sends(frames.headers(1, inserting, { endStream: true }))
    connected.peer.expects(frames.rstStream(1, Code.streamClosed))
    return connected
  })
  check('the list is too large', () => {
    const connected = connect({ role: 'server', limits: { headerListSizeMax: 500 } })
    const list = Buffer.concat([
      literalBlock(requestWith('a', 'x'.repeat(500))),
      insertingBlock(['x-late', 'yes']),
    ])
    connected.peer.sends(frames.headers(1, list))
    t.match(connected.peer.takesLines().at(-1), /^RST_STREAM stream 1/)
    return connected
  })
  t.end()
})

t.test('RFC 9113 §4.3: table entries of responses that a client drops stay usable', t => {
  const inserting = insertingBlock(['x-late', 'yes'])
  const response = literalBlock(RESPONSE)
  const drops: Record<string, (connected: ReturnType<typeof withStream>) => void> = {
    'reset by us': ({ peer, stream }) => {
      stream.reset(Code.cancel)
      peer.sends(frames.headers(1, Buffer.concat([response, inserting])))
    },
    malformed: ({ peer }) => {
      peer.sends(frames.headers(1, Buffer.concat([literalBlock(['X', '1']), inserting])))
    },
    'malformed trailers': ({ peer }) => {
      peer.sends(frames.headers(1, response), frames.headers(1, inserting)) // no END_STREAM
    },
    STREAM_CLOSED: ({ peer }) => {
      peer.sends(frames.headers(1, response, { endStream: true }), frames.headers(1, inserting))
    },
  }
  for (const [name, drop] of Object.entries(drops)) {
    const connected = withStream({ role: 'client' })
    drop(connected)
    connected.peer.takes()
    const next = connected.open(true)
    connected.peer.skips(1)
    connected.peer.sends(frames.headers(3, Buffer.concat([response, indexed(62)])))
    t.strictSame(next.lists, [[...RESPONSE, 'x-late', 'yes']], name)
  }
  t.end()
})

t.test('RFC 7541 §4.4: an entry larger than the table empties it, without error', t => {
  const { peer, recorder } = connect({ role: 'server' })
  const large = insertingBlock(['x-large', 'v'.repeat(5_000)])
  peer.sends(frames.headers(1, Buffer.concat([BLOCK, insertingBlock(['a', 'b']), large])))
  t.equal(recorder.on(1).lists[0]!.at(-1), 'v'.repeat(5_000))
  peer.sends(frames.headers(3, Buffer.concat([BLOCK, indexed(62)]))) // the table is empty now
  peer.expectsFatal(Code.compressionError)
  t.end()
})

t.test('RFC 9113 §4.3.1: our encoder obeys a smaller table from the acknowledgement on', t => {
  const fields = ['x-one', 'first', 'x-two', 'second']
  const tableSizes = (...values: number[]): Buffer =>
    frames.settings(values.map(value => [SettingId.headerTableSize, value]))
  for (const values of [[0], [100], [0, 4_096], [64, 4_096]]) {
    for (const changes of [values.map(value => tableSizes(value)), [tableSizes(...values)]]) {
      const { peer, stream } = withStream({ role: 'server' })
      stream.sendHeaders([':status', '200', 'x-one', 'first'], false)
      peer.takes()
      peer.sends(...changes)
      stream.sendHeaders(fields, true)
      const frame = peer.takes().at(-1)! // the decoder of the peer demands the size update
      t.same(frame.list, fields, `table sizes ${values.join(', ')}`)

      const client = connect({ role: 'client' })
      for (let i = 0; i < 2; i++) client.open(true, REQUEST, fields) // what comes twice is inserted
      client.peer.takes()
      client.peer.sends(...changes)
      client.open(true, REQUEST, fields)
      t.same(client.peer.takes().at(-1)!.list, [...REQUEST, ...fields])
    }
  }
  t.end()
})

t.test('RFC 9113 §4.3.1: after the peer acknowledged our smaller table, an update is due', t => {
  for (const role of ROLES) {
    const run = (block: Buffer): ReturnType<typeof connect> => {
      const connected = connect({ role, limits: { decoderTableSizeMax: 1_000 } })
      if (role === 'client') connected.open(true)
      connected.peer.takes()
      connected.peer.sends(frames.headers(1, block))
      return connected
    }
    const block = literalBlock(role === 'client' ? RESPONSE : REQUEST)
    run(block).peer.expectsFatal(Code.compressionError)
    run(Buffer.concat([tableSizeUpdate(1_001), block])).peer.expectsFatal(Code.compressionError)
    const right = run(Buffer.concat([tableSizeUpdate(1_000), block]))
    t.same(right.events, [role === 'client' ? 'headers 1' : 'request 1'])
  }
  t.end()
})

t.test('RFC 9113 §6.5.3: our smaller table does not hold before the acknowledgement', t => {
  const limits = { decoderTableSizeMax: 1_000 }
  const wide = Buffer.concat([insertingBlock(['x-wide', 'w'.repeat(2_000)]), indexed(62)])
  const { peer, events } = connect({ role: 'server', handshake: false, limits })
  peer.sends(frames.preface(), frames.settings(), frames.headers(1, REQUEST))
  peer.sends(frames.headers(1, wide, { endStream: true }))
  t.same(events, ['settings', 'request 1', 'headers 1 end'])

  const client = connect({ role: 'client', handshake: false, limits })
  client.open(true)
  client.peer.takes()
  client.peer.sends(frames.settings(), frames.headers(1, RESPONSE))
  client.peer.sends(frames.headers(1, wide, { endStream: true }))
  t.same(client.events, ['settings', 'headers 1', 'headers 1 end'])
  t.end()
})

t.test('RFC 9113 §8.1: trailers may be empty', t => {
  const { peer, on } = withStream({ role: 'client' })
  peer.sends(frames.headers(1, RESPONSE), frames.headers(1, [], { endStream: true }))
  t.same(on.lists, [RESPONSE, []])
  t.ok(on.ended)
  t.end()
})

t.test(
  'RFC 9113 §4.3: our own blocks that pass the peer frame size go out with CONTINUATION',
  t => {
    const { peer, stream } = withStream({ role: 'server' })
    const list = [...RESPONSE, 'x-long', '~'.repeat(40_000)]
    stream.sendHeaders(list, false)
    stream.sendHeaders(TRAILERS, true)
    const sent = peer.takes()
    t.same(
      sent.map(frame => frame.type),
      [Type.headers, Type.continuation, Type.continuation, Type.headers],
    )
    t.same(sent[2]!.list, list)

    const client = connect({ role: 'client' })
    const request = requestWith('x-long', '~'.repeat(40_000))
    client.open(true, request)
    const requested = client.peer.takes()
    t.same(requested.at(-1)!.list, request)
    const frameFlags = requested.map(({ type, flags }) => [type, flags])
    t.same(frameFlags, [
      [Type.headers, 1], // END_STREAM
      [Type.continuation, 0],
      [Type.continuation, 4], // END_HEADERS
    ])
    t.end()
  },
)

/** A server that keeps the blocks of its requests as they are. */
function keepingBlocks(): { blocks: HeaderBlock[]; peer: ReturnType<typeof connect>['peer'] } {
  const blocks: HeaderBlock[] = []
  const { peer, recorder } = connect({ role: 'server' })
  const onStream = recorder.onStream.bind(recorder)
  recorder.onStream = (stream, headers, endStream) => {
    blocks.push(headers)
    return onStream(stream, headers, endStream)
  }
  return { blocks, peer }
}

t.test('a block that comes again brings back what the layer above kept in it', t => {
  const { blocks, peer } = keepingBlocks()
  peer.requests(1, 3)
  const kept = { route: 'found' }
  blocks[1]!.cache = kept
  peer.requests(5, 7)
  t.equal(blocks[2]!.cache, kept)
  t.equal(blocks[3]!.cache, kept)
  t.same(blocks[3]!.list, REQUEST)
  peer.sends(frames.headers(9, requestWith('x', 'y'), { endStream: true }))
  t.equal(blocks[4]!.cache, undefined, 'another block')
  t.end()
})

t.test('RFC 7541 §2.3: the same octets mean something else when the table has changed', t => {
  const { blocks, peer } = keepingBlocks()
  const inserts = (value: string): Buffer => Buffer.concat([BLOCK, insertingBlock(['x', value])])
  const refers = Buffer.concat([BLOCK, indexed(62)])
  let id = 1
  for (const value of ['one', 'two', 'three']) {
    peer.sends(frames.headers(id, inserts(value), { endStream: true }))
    for (let i = 0; i < 3; i++) {
      id += 2
      peer.sends(frames.headers(id, refers, { endStream: true }))
      t.same(blocks.at(-1)!.list, [...REQUEST, 'x', value])
    }
    id += 2
  }
  t.end()
})

t.test('RFC 9113 §6.5.2: the size of a block counts 32 for each field', t => {
  const { blocks, peer } = keepingBlocks()
  peer.requests(1)
  t.equal(
    blocks[0]!.size,
    REQUEST.reduce((size, text) => size + text.length + 16, 0),
  )
  t.end()
})
