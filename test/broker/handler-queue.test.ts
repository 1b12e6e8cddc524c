import t from 'tap'
import { HandlerQueue } from '../../src/broker/handler-queue.js'
import type { Delivery } from '../../src/micro/index.js'
import { settle } from '../micro/fake-runtime.js'

const delivery = (topic: string): Delivery => ({
  topic,
  header: new Map(),
  body: Buffer.alloc(0),
  redelivered: false,
})

function bench(limits = { handlersMax: 2, queueMax: 2, queueSizeMax: 100 }) {
  const log: string[] = []
  const running: { topic: string; end: (error?: unknown) => void }[] = []
  const queue = new HandlerQueue(
    limits,
    ({ topic }) => {
      log.push(`begin ${topic}`)
      return new Promise<void>((resolve, reject) => {
        running.push({ topic, end: error => (error === undefined ? resolve() : reject(error)) })
      })
    },
    (error, { topic }) => log.push(`failed ${topic} ${error}`),
  )
  const push = (topic: string, size = 1): boolean =>
    queue.push(delivery(topic), size, failure => {
      log.push(`${failure === undefined ? 'ack' : 'nack'} ${topic}`)
    })
  return { queue, log, push, running }
}

t.test(
  'handlersMax run at once, queueMax wait, more are not taken; all begin in their order',
  async t => {
    const { queue, log, push, running } = bench()
    t.same(
      ['a', 'b', 'c', 'd', 'e'].map(topic => push(topic)),
      [true, true, true, true, false],
    )
    t.same([queue.runningCount, queue.waitingCount, queue.waitingSize], [2, 2, 2])
    t.same(log, ['begin a', 'begin b'])
    running[0]!.end()
    await settle()
    t.same(log, ['begin a', 'begin b', 'ack a', 'begin c'])
    running[1]!.end('no')
    await settle()
    t.same(log.slice(4), ['nack b', 'failed b no', 'begin d'])
    const idle = queue.idle()
    running[2]!.end()
    running[3]!.end()
    await idle
    t.same([queue.runningCount, queue.waitingCount, queue.waitingSize], [0, 0, 0])
  },
)

t.test('queueSizeMax bounds the octets that wait', t => {
  const { push } = bench({ handlersMax: 1, queueMax: 10, queueSizeMax: 10 })
  t.same([push('a', 50), push('b', 6), push('c', 5), push('d', 4)], [true, true, false, true])
  t.end()
})

t.test('a handler that returns or throws at once is settled at once, and takes no place', t => {
  const log: string[] = []
  const queue = new HandlerQueue(
    { handlersMax: 1, queueMax: 1, queueSizeMax: 1 },
    ({ topic }) => {
      if (topic === 'bad') throw new Error('no')
    },
    (error, { topic }) => {
      log.push(`${topic}: ${(error as Error).message}`)
      throw new Error('a listener that throws')
    },
  )
  for (const topic of ['a', 'bad', 'b']) {
    t.ok(
      queue.push(delivery(topic), 9, failure => log.push(failure === undefined ? 'ack' : 'nack')),
    )
  }
  t.same(log, ['ack', 'nack', 'bad: no', 'ack'])
  t.end()
})

t.test('abandon: what waits is not acknowledged, what runs goes on', async t => {
  const { queue, log, push, running } = bench()
  for (const topic of ['a', 'b', 'c', 'd']) push(topic)
  queue.abandon()
  t.same(log.slice(2), ['nack c', 'nack d'])
  const idle = queue.idle()
  for (const { end } of running) end()
  await idle
  t.same(log.slice(4), ['ack a', 'ack b'])
})

t.test('thousands that wait cost no more than once each', async t => {
  const order: number[] = []
  const queue = new HandlerQueue(
    { handlersMax: 1, queueMax: 10_000, queueSizeMax: 1e9 },
    async ({ topic }) => {
      order.push(Number(topic))
      await undefined
    },
    () => t.fail('none fails'),
  )
  for (let i = 0; i < 5_000; i++) queue.push(delivery(String(i)), 1)
  await queue.idle()
  t.same(
    order,
    Array.from({ length: 5_000 }, (_, i) => i),
  )
})
