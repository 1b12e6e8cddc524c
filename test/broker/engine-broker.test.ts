import t from 'tap'
import { BrokerErrorCode } from '../../src/broker/index.js'
import { settle } from '../micro/fake-runtime.js'
import { fakeBroker, message } from './fake-engine.js'

t.test(
  'engine down at start: it is tried further, told once, and then everything is there',
  async t => {
    const { broker, engine, runtime, errors, states } = fakeBroker()
    engine.isUp = false
    t.equal(await broker.connect(), false)
    const got: string[] = []
    const subscription = broker.subscribe('news', ({ body }) => void got.push(String(body)))
    const published = broker.publish('news', message('early'))
    for (let i = 0; i < 5; i++) {
      runtime.advance(300)
      await settle()
    }
    t.ok(engine.attempts >= 3, `${engine.attempts} attempts`)
    t.match(errors, [{ code: 'BROKER_UNAVAILABLE', address: 'fake://here:1' }])
    t.equal(errors.length, 1, 'told once')
    engine.isUp = true
    runtime.advance(2_000)
    await settle()
    await subscription.ready
    await published
    t.same(engine.published, ['news early'])
    t.same(states, ['connected'])
    engine.sinks.get('news/')!.deliver('news', message('late'), 4, false)
    t.same(got, ['late'])
    await broker.close()
    t.equal(runtime.timerCount, 0, 'nothing is left')
  },
)

t.test('mustConnect: the first failure is the answer, and nothing is tried behind it', async t => {
  const { broker, engine, runtime } = fakeBroker({ mustConnect: true })
  engine.isUp = false
  await t.rejects(broker.connect(), { code: BrokerErrorCode.Unavailable })
  t.equal(runtime.timerCount, 0)
  engine.isUp = true
  t.equal(await broker.connect(), true, 'it may be asked again')
  await broker.close()
})

t.test(
  'engine lost: told once, connected again with jitter, subscriptions are there again',
  async t => {
    const { broker, engine, runtime, errors, states } = fakeBroker()
    await broker.connect()
    broker.subscribe('a', () => undefined)
    broker.subscribe('b', () => undefined, { queue: 'q' })
    await settle()
    t.same([...engine.sinks.keys()], ['a/', 'b/q'])
    engine.lose()
    t.match(errors, [{ message: /connection to fake at fake:\/\/here:1 was lost: cable cut/ }])
    engine.isUp = false
    runtime.advance(60_000)
    await settle()
    t.equal(errors.length, 1, 'attempts that fail meanwhile are not told')
    engine.isUp = true
    runtime.advance(20_000)
    await settle()
    t.same([...engine.sinks.keys()], ['a/', 'b/q'])
    t.same(states, ['connected', 'disconnected', 'connected'])
    engine.lose()
    t.equal(errors.length, 2, 'the next outage is told again')
    await broker.close()
  },
)

t.test(
  'jitter: of many that lost their engine at once no two come back in the same moment',
  async t => {
    const delays: number[] = []
    for (const random of [0, 0.25, 0.5, 0.999]) {
      const { broker, engine, runtime } = fakeBroker()
      await broker.connect()
      runtime.randomNext = random
      engine.lose()
      const from = runtime.now()
      while (engine.attempts < 2) runtime.advance(1)
      delays.push(runtime.now() - from)
      await settle()
      await broker.close()
    }
    t.same(delays, [50, 75, 100, 150])
  },
)

t.test(
  'what a publisher hears of an engine that is away: after publishTimeoutMs, with the address',
  async t => {
    const { broker, engine, runtime } = fakeBroker({ publishTimeoutMs: 2_000 })
    engine.isUp = false
    const published = broker.publish('news', message('x'))
    published.catch(() => undefined)
    await settle()
    runtime.advance(1_999)
    runtime.advance(1)
    await t.rejects(published, {
      code: 'BROKER_UNAVAILABLE',
      message:
        /message for news has not left: fake at fake:\/\/here:1 could not be reached in 2000 ms/,
    })
    await broker.close()
  },
)

t.test('pendingMax and pendingSizeMax: more is refused, with the numbers', async t => {
  const limits = { pendingMax: 2, pendingSizeMax: 10 }
  const { broker, engine } = fakeBroker({ limits })
  engine.isUp = false
  const waiting = [broker.publish('a', message('1')), broker.publish('a', message('2'))]
  await t.rejects(broker.publish('a', message('3')), {
    code: 'BROKER_FULL',
    message: /2 messages of 2 octets wait for fake .* pendingMax 2 and pendingSizeMax 10/,
  })
  const closed = { code: 'BROKER_CLOSED' }
  await Promise.all([broker.close(), ...waiting.map(each => t.rejects(each, closed))])
  const other = fakeBroker({ limits })
  await other.broker.connect()
  other.engine.unconfirmed = 2
  await t.rejects(other.broker.publish('a', message('3')), { code: 'BROKER_FULL' })
  await other.broker.close()
})

t.test('what the engine refuses is told, its `ready` rejects, and others go on', async t => {
  const { broker, engine, errors } = fakeBroker()
  await broker.connect()
  engine.refused.add('secret')
  await t.rejects(broker.subscribe('secret', () => undefined).ready, { code: 'BROKER_REFUSED' })
  t.match(errors, [{ code: 'BROKER_REFUSED' }])
  await broker.subscribe('open', () => undefined).ready
  await broker.close()
})

t.test(
  'another reason during one outage is told as well: wrong credentials are not a lost cable',
  async t => {
    const { broker, engine, runtime, errors } = fakeBroker()
    engine.isUp = false
    await broker.connect()
    engine.code = BrokerErrorCode.Credentials
    runtime.advance(30_000)
    await settle()
    runtime.advance(30_000)
    await settle()
    t.same(
      errors.map(error => (error as unknown as { code: string }).code),
      ['BROKER_UNAVAILABLE', 'BROKER_CREDENTIALS'],
    )
    await broker.close()
  },
)

t.test('what waited is published when the subscriptions are there, in its order', async t => {
  const { broker, engine } = fakeBroker()
  const log: string[] = []
  let attach!: () => void
  engine.subscribing = new Promise(resolve => {
    attach = resolve
  })
  broker.subscribe('a', () => undefined)
  const first = broker.publish('a', message('1')).then(() => log.push('1'))
  await broker.connect()
  const second = broker.publish('a', message('2')).then(() => log.push('2'))
  await settle()
  t.same([log, engine.published], [[], []])
  attach()
  await Promise.all([first, second])
  t.same(engine.published, ['a 1', 'a 2'])
  await broker.close()
})

t.test('exceptions of handlers are told, and not acknowledged', async t => {
  const { broker, engine, errors } = fakeBroker()
  await broker.connect()
  const own: unknown[] = []
  broker.subscribe('a', () => {
    throw new Error('no')
  })
  broker.subscribe('b', async () => Promise.reject(new Error('later')), {
    onError: error => void own.push(error),
  })
  await settle()
  const settled: unknown[] = []
  engine.sinks
    .get('a/')!
    .deliver('a', message('x'), 1, false, failure => void settled.push(failure))
  engine.sinks.get('b/')!.deliver('b', message('x'), 1, true, failure => void settled.push(failure))
  await settle()
  t.match(settled, [{ error: { message: 'no' } }, { error: { message: 'later' } }])
  t.match(errors, [{ code: 'BROKER_HANDLER', message: /handler of a \(fake at .*\) failed: no/ }])
  t.match(own, [{ message: 'later' }])
  await broker.close()
})

t.test(
  'what cannot be read, or is more than a limit, is told with the numbers and dropped',
  async t => {
    const limits = { messageSizeMax: 10, headerFieldsMax: 1 }
    const { broker, engine, errors } = fakeBroker({ limits })
    await broker.connect()
    broker.subscribe('a', () => void t.fail('no handler hears of it'))
    await settle()
    const sink = engine.sinks.get('a/')!
    const settled: unknown[] = []
    sink.unreadable('a', 5, new Error('no JSON'))
    sink.deliver('a', message('x'), 11, false, failure => void settled.push(failure))
    const header = new Map([
      ['a', '1'],
      ['b', '2'],
    ])
    sink.deliver('a', { header, body: Buffer.alloc(0) }, 1, false)
    t.match(errors, [
      {
        code: 'BROKER_MESSAGE',
        message: /5 octets for a, .* cannot be read and was dropped: no JSON/,
      },
      {
        message:
          /11 octets and 0 header fields; the limits are messageSizeMax 10 and headerFieldsMax 1/,
      },
      { message: /1 octets and 2 header fields/ },
    ])
    t.match(settled, [{ error: {} }], 'not acknowledged')
    await t.rejects(broker.publish('a', message('12345678901')), {
      name: 'RangeError',
      message: /11 octets; the limit is messageSizeMax 10/,
    })
    await broker.close()
  },
)

t.test('a queue that is full: dropped messages are counted and told once in a second', async t => {
  const limits = { handlersMax: 1, queueMax: 1 }
  const { broker, engine, runtime, errors } = fakeBroker({ limits, closeGraceMs: 0 })
  await broker.connect()
  broker.subscribe('a', () => new Promise(() => undefined))
  await settle()
  const sink = engine.sinks.get('a/')!
  for (let i = 0; i < 5; i++) sink.deliver('a', message('x'), 1, false)
  t.match(errors, [
    {
      code: 'BROKER_FULL',
      message: /^1 message for a .* dropped: 1 handlers run, 1 messages of 1 octets wait/,
    },
  ])
  runtime.advance(1_000)
  sink.deliver('a', message('x'), 1, false)
  t.match(errors[1], { message: /^3 messages for a/ })
  const closing = broker.close()
  await settle()
  runtime.advance(0)
  await closing
})

t.test(
  'unsubscribe: the engine delivers no more, what came is handled; then it is forgotten',
  async t => {
    const { broker, engine } = fakeBroker()
    await broker.connect()
    let finish!: () => void
    const subscription = broker.subscribe(
      'a',
      () => new Promise<void>(resolve => (finish = resolve)),
    )
    await subscription.ready
    engine.sinks.get('a/')!.deliver('a', message('x'), 1, false)
    let isOver = false
    const over = subscription.unsubscribe().then(() => {
      isOver = true
    })
    await settle()
    t.same([isOver, engine.sinks.size], [false, 0])
    finish()
    await over
    engine.lose()
    t.same([...engine.sinks], [])
    await broker.close()
  },
)

t.test(
  'close: waits for handlers for closeGraceMs, then disconnects; nothing can be done afterwards',
  async t => {
    const { broker, engine, runtime } = fakeBroker({ closeGraceMs: 3_000 })
    await broker.connect()
    broker.subscribe('a', () => new Promise(() => undefined))
    await settle()
    engine.sinks.get('a/')!.deliver('a', message('x'), 1, false)
    const closing = broker.close()
    await settle()
    t.equal(engine.closed, 0)
    runtime.advance(3_000)
    await closing
    t.equal(engine.closed, 1)
    t.throws(() => broker.subscribe('b', () => undefined), { code: 'BROKER_CLOSED' })
    await t.rejects(broker.publish('b', message('x')), { code: 'BROKER_CLOSED' })
    await t.rejects(broker.connect(), { code: 'BROKER_CLOSED' })
    t.equal(runtime.timerCount, 0)
  },
)

t.test('close while it connects: the connection that comes is closed', async t => {
  const { broker, engine } = fakeBroker()
  let arrive!: () => void
  engine.connecting = new Promise(resolve => (arrive = resolve))
  const connecting = broker.connect()
  await broker.close()
  arrive()
  t.equal(await connecting, false)
  t.equal(engine.closed, 1)
})

t.test('what a codec throws is for whoever published, now or when the engine is there', async t => {
  const { broker, engine } = fakeBroker()
  engine.encode = () => {
    throw new TypeError('no such value')
  }
  const waiting = broker.publish('a', message('1'))
  waiting.catch(() => undefined)
  await broker.connect()
  await t.rejects(waiting, { message: 'no such value' })
  await t.rejects(broker.publish('a', message('2')), { message: 'no such value' })
  await broker.close()
})

t.test('arguments and options are checked by name', async t => {
  const { broker } = fakeBroker()
  t.throws(() => broker.subscribe('', () => undefined), /topic must be a text that is not empty/)
  t.throws(() => broker.subscribe('a', 5 as never), /handler of topic a must be a function/)
  t.throws(
    () => broker.subscribe('a', () => undefined, { queu: 'x' } as never),
    /has no option queu; did you mean queue/,
  )
  t.throws(() => broker.subscribe('a', () => undefined, { queue: '' }), /queue must be a text/)
  await t.rejects(
    broker.publish('a', {} as never),
    /a message is \{ header: Map, body: Uint8Array \}/,
  )
  await t.rejects(broker.publish('', message('x')), /topic must be/)
  t.throws(() => fakeBroker({ connectTimeoutMs: 0 }), /connectTimeoutMs is 0; expected 1 or more/)
  t.throws(() => fakeBroker({ limits: { handlersMax: 0 } }), /handlersMax is 0; expected 1/)
  t.throws(
    () => fakeBroker({ limits: { handlerMax: 1 } as never }),
    /no option handlerMax; did you mean handlersMax/,
  )
  t.throws(() => fakeBroker({ backOff: { initialMs: -1 } }), /backOff.initialMs is -1/)
  await broker.close()
})
