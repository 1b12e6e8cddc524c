import t from 'tap'
import { type MemoryBrokerOptions, memoryBroker } from '../../src/broker/index.js'

const message = (text: string) => ({
  header: new Map([['Content-Type', 'text/plain']]),
  body: Buffer.from(text),
})

function bench(options: MemoryBrokerOptions = {}) {
  const errors: unknown[] = []
  const broker = memoryBroker({ onError: error => errors.push(error), ...options })
  const got: string[] = []
  const listen = (who: string, topic: string, queue?: string) =>
    broker.subscribe(
      topic,
      ({ body, topic }) => void got.push(`${who} ${topic} ${Buffer.from(body)}`),
      queue === undefined ? {} : { queue },
    )
  return { broker, errors, got, listen }
}

t.test('all subscribers get a message, and one of each queue, in turn', async t => {
  const { broker, got, listen } = bench()
  listen('a', 'news')
  listen('b', 'news', 'q')
  listen('c', 'news', 'q')
  listen('d', 'news', 'other')
  listen('e', 'weather')
  for (const text of ['1', '2']) await broker.publish('news', message(text))
  t.same(got.sort(), ['a news 1', 'a news 2', 'b news 1', 'c news 2', 'd news 1', 'd news 2'])
  await broker.publish('nobody listens', message('x'))
})

t.test('unsubscribe: nothing more comes, and the other of a queue gets all', async t => {
  const { broker, got, listen } = bench()
  const first = listen('a', 'news', 'q')
  listen('b', 'news', 'q')
  await first.unsubscribe()
  for (const text of ['1', '2']) await broker.publish('news', message(text))
  t.same(got, ['b news 1', 'b news 2'])
})

t.test('a handler that fails is told to onError, not to the publisher', async t => {
  const { broker, errors, got, listen } = bench()
  broker.subscribe('news', async () => Promise.reject(new Error('no')))
  listen('b', 'news')
  await broker.publish('news', message('x'))
  await new Promise(resolve => setImmediate(resolve))
  t.match(errors, [{ code: 'BROKER_HANDLER', message: 'the handler of news (memory) failed: no' }])
  t.same(got, ['b news x'])
})

t.test('what is more than its limits is dropped and told', async t => {
  const { broker, errors } = bench({ limits: { handlersMax: 1, queueMax: 1, messageSizeMax: 3 } })
  const finish: (() => void)[] = []
  broker.subscribe('news', () => new Promise<void>(resolve => finish.push(resolve)))
  for (let i = 0; i < 3; i++) await broker.publish('news', message('x'))
  t.match(errors, [{ code: 'BROKER_FULL', message: /handlersMax 1, queueMax 1/ }])
  await t.rejects(broker.publish('news', message('long')), { name: 'RangeError' })
  const closing = broker.close()
  for (let i = 0; i < 2; i++) {
    finish[i]!()
    await new Promise(resolve => setImmediate(resolve))
  }
  await closing
  await t.rejects(broker.publish('news', message('x')), { code: 'BROKER_CLOSED' })
  t.throws(() => broker.subscribe('news', () => undefined), { code: 'BROKER_CLOSED' })
  await t.rejects(broker.connect(), { code: 'BROKER_CLOSED' })
})

t.test('options are checked by name; await using closes', async t => {
  t.throws(() => memoryBroker({ limit: {} } as never), /no option limit; did you mean limits/)
  t.throws(() => memoryBroker({ onError: 5 as never }), /onError is a number/)
  const broker = memoryBroker()
  await broker[Symbol.asyncDispose]()
  t.throws(() => broker.subscribe('a', () => undefined), { code: 'BROKER_CLOSED' })
})
