import t from 'tap'
import { createServer, defineService, jsonCodec } from '../../src/micro/index.js'
import { grpcTransport, type Message } from '../../src/transport/index.js'
import { sendAndEnd, sentAndReset } from '../support/resetting-peer.js'

const json = { request: jsonCodec<{ n?: number }>(), response: jsonCodec<{ n?: number }>() }
const talks = defineService('talks.v1.Talks', { chat: { kind: 'bidi', ...json } })

const header = {
  'Content-Type': 'application/json',
  'Micro-Service': 'talks',
  'Micro-Endpoint': 'Talks.Chat',
  'Micro-Method': 'Talks.Chat',
  'Micro-Id': '1',
  'Micro-Stream': '1',
}

function message(fields: Record<string, string>, body = ''): Message {
  return { header: new Map(Object.entries({ ...header, ...fields })), body: Buffer.from(body) }
}

const EOS = { 'Micro-Error': 'EOS' }

t.test('what arrived whole is delivered before a reset and FIN of the same read', async t => {
  await using transport = grpcTransport()
  await using listener = await transport.listen('127.0.0.1:0')
  const ends: Promise<unknown>[] = []
  listener.accept(async socket => {
    const bodies: string[] = []
    const reading = (async () => {
      for (;;) {
        const got = await socket.receive()
        if (got === undefined) return 'an orderly end'
        bodies.push(Buffer.from(got.body).toString())
      }
    })()
    ends.push(reading.catch(error => ({ code: error.code, bodies })))
    await reading.catch(() => undefined)
  })
  // More than a call keeps decoded (256); less than the window.
  const bodies = Array.from({ length: 300 }, (_, n) => String(n))
  const octets = sentAndReset(bodies.map(body => message({}, body)))
  await sendAndEnd(listener.address, octets)
  t.same(await Promise.all(ends), [{ code: 'CANCELLED', bodies }])
})

t.test('a stream that its client ended well and closed at once ends well: 30 of 30', async t => {
  const ends: unknown[] = []
  const errors: unknown[] = []
  await using server = createServer({
    name: 'talks',
    address: '127.0.0.1:0',
    onError: error => errors.push(error),
  })
  server.handle(talks, {
    async *chat(requests) {
      let sum = 0
      try {
        for await (const { n } of requests) sum += n ?? 0
        ends.push(sum)
      } catch (error) {
        ends.push(error)
        throw error
      }
      yield { n: sum }
    },
  })
  await server.start()
  const sent = [message({}), message({}, '{"n":1}'), message({}, '{"n":2}'), message(EOS)]
  for (let run = 0; run < 30; run++) await sendAndEnd(server.address, sentAndReset(sent))
  await server.stop()
  t.same(ends, Array(30).fill(3))
  t.same(errors, [], 'an orderly close is no error')
})

t.test('a handler that reads slowly gets all of an upload whose client has closed', async t => {
  let sum = 0
  let ended = (): void => undefined
  const end = new Promise<void>(resolve => {
    ended = resolve
  })
  await using server = createServer({ name: 'talks', address: '127.0.0.1:0' })
  server.handle(talks, {
    async *chat(requests) {
      for await (const { n } of requests) {
        sum += n ?? 0
        await new Promise(setImmediate)
      }
      ended()
      yield { n: sum }
    },
  })
  await server.start()
  // More than what waits for a handler (128) and what a call keeps decoded (256); less than the window.
  const many = Array.from({ length: 300 }, () => message({}, '{"n":1}'))
  await sendAndEnd(server.address, sentAndReset([message({}), ...many, message(EOS)]))
  await end
  t.equal(sum, 300)
})
