import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'

const codec = { request: jsonCodec(), response: jsonCodec() }
const ECHO = defineService('idle.Echo', {
  say: { kind: 'unary', ...codec },
  talk: { kind: 'bidi', ...codec },
})

t.test('idle mucp sockets never starve a call that needs a stream of its own', async t => {
  const server = createServer({
    name: 'idle',
    address: '127.0.0.1:0',
    limits: { streamsMax: 3 },
  }).handle(ECHO, {
    say: async request => {
      await new Promise(resolve => setTimeout(resolve, 20))
      return request
    },
    async *talk(requests) {
      yield* requests
    },
  })
  await server.start()
  const client = createClient({ address: server.address, service: 'idle', protocol: 'mucp' })
  t.teardown(async () => {
    await client.close()
    await server.stop()
  })
  const echo = client.bind(ECHO)
  await Promise.all(['a', 'b', 'c'].map(text => echo.say(text)))
  const heard: unknown[] = []
  for await (const word of echo.talk(['d', 'e'], { timeoutMs: 2_000 })) heard.push(word)
  t.same(heard, ['d', 'e'])
  const many = Array.from({ length: 50 }, (_, index) => index)
  t.same(await Promise.all(many.map(index => echo.say(index, { timeoutMs: 5_000 }))), many)
})
