import t from 'tap'
import { createClient, createServer, defineService, jsonCodec } from '../../src/index.js'

const codecs = { request: jsonCodec(), response: jsonCodec() }
const things = defineService('a.Things', {
  fail: { kind: 'unary', ...codecs },
  odd: { kind: 'unary', ...codecs },
  good: { kind: 'unary', ...codecs },
})

t.test('an onError that throws or rejects costs no caller its answer', async t => {
  for (const isAsync of [false, true]) {
    let told = 0
    const server = createServer({
      name: 'a',
      onError() {
        told++
        if (isAsync) return Promise.reject(new Error('onError'))
        throw new Error('onError')
      },
    })
    server.handle(things, {
      fail() {
        throw new Error('secret')
      },
      odd: () => 1n,
      good: () => 'good',
    })
    await server.start()
    for (const protocol of ['grpc', 'mucp'] as const) {
      const client = createClient({ address: server.address, protocol, retries: 0 })
      const { fail, odd, good } = client.bind(things)
      t.match(await fail({}, { timeoutMs: 5_000 }).catch(error => error), { origin: 'peer' })
      t.match(await odd({}, { timeoutMs: 5_000 }).catch(error => error), { origin: 'peer' })
      t.equal(await good({}), 'good')
      await client.close()
    }
    t.equal(told, 4)
    await server.stop()
  }
})

t.test('an onError that is no function is refused', t => {
  const onError = 5 as unknown as () => void
  t.throws(() => createServer({ name: 'a', onError }), {
    name: 'TypeError',
    message: /^onError must be a function/,
  })
  t.throws(() => createServer({ name: 'a', calls: { onError } }), {
    name: 'TypeError',
    message: 'calls.onError is a number; expected a function',
  })
  t.end()
})
