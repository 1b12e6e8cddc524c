import t from 'tap'
import { Code, frames, RESPONSE, requestBut, requestWith, TRAILERS } from '../support/frames.js'
import { connect, ROLES, withStream } from '../support/peer.js'

t.test('RFC 9113 §8.1.1: DATA must add up to content-length, padding apart', t => {
  const run = (role: 'client' | 'server', ...body: Buffer[]): [string[], string[]] => {
    const { peer, events, open, recorder } = connect({ role })
    if (role === 'client') open()
    peer.takes()
    const list =
      role === 'client'
        ? [...RESPONSE, 'content-length', '10']
        : requestWith('content-length', '10')
    peer.sends(frames.headers(1, list), ...body)
    t.same(recorder.handlerErrors, [], 'no handler is called behind its last call')
    return [events, peer.takesLines()]
  }
  const trailers = frames.headers(1, TRAILERS, { endStream: true })
  const wrong: Record<string, Buffer[]> = {
    'too few': [frames.data(1, { size: 9, endStream: true })],
    none: [frames.data(1, { endStream: true })],
    'too many': [frames.data(1, { size: 11 })],
    'too many, later': [frames.data(1, { size: 10 }), frames.data(1, { size: 1, endStream: true })],
    'too few, then trailers': [frames.data(1, { size: 9 }), trailers],
    'nothing but trailers': [trailers],
    'enough with padding only': [frames.data(1, { size: 9, padding: 1, endStream: true })],
  }
  for (const role of ROLES) {
    const [padded] = run(
      role,
      frames.data(1, { size: 4, padding: 200 }),
      frames.data(1, { size: 6, endStream: true }),
    )
    t.equal(padded.at(-1), 'data 1 6 end', role)
    const [byTrailers] = run(role, frames.data(1, { size: 10 }), trailers)
    t.equal(byTrailers.at(-1), 'headers 1 end', role)
    for (const [name, body] of Object.entries(wrong)) {
      const [events, lines] = run(role, ...body)
      t.same(lines, ['RST_STREAM stream 1 PROTOCOL_ERROR'], `${role}, ${name}`)
      t.equal(events.at(-1), 'reset 1 PROTOCOL_ERROR by us', `${role}, ${name}`)
      t.notOk(events.some(event => event.endsWith('end')))
    }
  }
  t.end()
})

t.test('RFC 9113 §8.1.1: END_STREAM on HEADERS contradicts a content-length', t => {
  const { peer, events } = connect({ role: 'server' })
  peer.sends(frames.headers(1, requestWith('content-length', '5'), { endStream: true }))
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.same(events, [])

  for (const status of ['200', '206', '404', '205']) {
    const client = withStream({ role: 'client' })
    const list = [':status', status, 'content-length', '5']
    client.peer.sends(frames.headers(1, list, { endStream: true }))
    client.peer.expects(frames.rstStream(1, Code.protocolError))
    t.same(client.events, ['reset 1 PROTOCOL_ERROR by us'], status)
  }
  t.end()
})

t.test(
  'RFC 9113 §8.1.1: a response to HEAD, 204 and 304 may announce what it does not carry',
  t => {
    const HEAD = requestBut(':method', 'HEAD')
    for (const [method, status] of [
      ['HEAD', '200'],
      ['POST', '204'],
      ['POST', '304'],
    ] as const) {
      const list = [':status', status, 'content-length', '500']
      for (const byData of [false, true]) {
        const { peer, events, open } = connect({ role: 'client' })
        if (method === 'HEAD') open(true, HEAD)
        else open(true)
        peer.skips(1)
        peer.sends(frames.headers(1, list, { endStream: !byData }))
        if (byData) peer.sends(frames.data(1, { endStream: true }))
        peer.expectsNothing()
        t.ok(events.at(-1)!.endsWith('end'), `${method}, ${status}`)
      }
    }
    t.end()
  },
)

t.test('RFC 9113 §8.1.1: a short response is malformed', t => {
  const { peer, on } = withStream({ role: 'client' })
  peer.sends(
    frames.headers(1, [...RESPONSE, 'content-length', '5']),
    frames.data(1, { size: 4, endStream: true }),
  )
  peer.expects(frames.rstStream(1, Code.protocolError))
  t.notOk(on.ended)
  t.end()
})
