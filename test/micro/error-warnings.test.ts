import t from 'tap'
import {
  type Context,
  createClient,
  createServer,
  defineService,
  jsonCodec,
} from '../../src/micro/index.js'
import {
  errorWarnings,
  WARNING_INTERVAL_MS,
} from '../../src/micro/server/handlers/error-warnings.js'
import { nodeRuntime, type Runtime } from '../../src/transport/index.js'

const json = { request: jsonCodec<string>(), response: jsonCodec<string>() }
const service = defineService('w.v1.Warned', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
})

interface Warning extends Error {
  readonly code: string
  readonly detail: string
}

/** Node's runtime, whose warnings come here. */
function watched(): { runtime: Runtime; warnings: Warning[] } {
  const warnings: Warning[] = []
  return { warnings, runtime: { ...nodeRuntime, warn: error => warnings.push(error as Warning) } }
}

for (const protocol of ['grpc', 'mucp'] as const) {
  t.test(`${protocol}: without onError an exception of a handler is a warning`, async t => {
    const { runtime, warnings } = watched()
    const server = createServer({ name: 'w', runtime })
    server.handle(service, {
      one: () => {
        throw new RangeError('off by one')
      },
      async *down() {
        yield await Promise.reject(new RangeError('off by two'))
      },
    })
    await server.start()
    const client = createClient({ address: server.address, protocol })
    t.teardown(async () => {
      await client.close()
      await server.stop()
    })
    const { one, down } = client.bind(service)
    for (let i = 0; i < 3; i++) await t.rejects(one(''), { message: 'the handler failed' })
    await t.rejects(down('').next(), { message: 'the handler failed' })
    t.same(
      warnings.map(({ message }) => message),
      [
        'the handler of /w.v1.Warned/One failed; give createServer an onError to hear of each',
        'the handler of /w.v1.Warned/Down failed; give createServer an onError to hear of each',
      ],
      'one for each method',
    )
    t.match(warnings[0], { name: 'HandlerWarning', code: 'HANDLER_FAILED' })
    t.match(warnings[0]?.detail, /RangeError: off by one\n +at /, 'with its stack')
  })

  t.test(`${protocol}: cancellation that a handler passes on is told to nobody`, async t => {
    const { runtime, warnings } = watched()
    const heard: unknown[] = []
    let begun = (): void => {}
    let over = (): void => {}
    const server = createServer({ name: 'w', runtime, onError: error => heard.push(error) })
    const passOn: Readonly<Record<string, (reason: unknown) => unknown>> = {
      reason: reason => reason,
      wrapped: reason => new Error('the query was cut off', { cause: reason }),
      'AbortError of Node': () => new DOMException('aborted', 'AbortError'),
      'AbortError, wrapped': () => new Error('no', { cause: new DOMException('', 'AbortError') }),
      mistake: () => new TypeError('x is not a function'),
    }
    server.handle(service, {
      one: (how, { signal }) =>
        new Promise((_, reject) => {
          begun()
          signal.addEventListener('abort', () => {
            reject(passOn[how]!(signal.reason))
            setImmediate(over)
          })
        }),
      down: () => [],
    })
    await server.start()
    const client = createClient({ address: server.address, protocol })
    t.teardown(async () => {
      await client.close()
      await server.stop()
    })
    for (const how of Object.keys(passOn)) {
      const controller = new AbortController()
      const isBegun = new Promise<void>(resolve => (begun = resolve))
      const isOver = new Promise<void>(resolve => (over = resolve))
      const call = client.bind(service).one(how, { signal: controller.signal })
      await isBegun
      controller.abort()
      await t.rejects(call)
      await isOver
    }
    t.match(heard, [{ message: 'x is not a function' }], 'a mistake is told all the same')
    t.equal(heard.length, 1)
    t.same(warnings, [], 'with onError there are no warnings')
  })
}

t.test('a method that always fails warns once in a minute, with how often it did', t => {
  let now = 0
  const warnings: Error[] = []
  const warn = errorWarnings({ now: () => now, warn: error => warnings.push(error) })
  const context = { path: '/a.B/C', method: 'c' } as Context
  for (let i = 0; i < 100; i++) warn(new Error('x'), context)
  warn(new Error('the registry'), undefined)
  now = WARNING_INTERVAL_MS
  warn('text', context)
  t.same(
    warnings.map(({ message }) => message.replace(/;.*/, '')),
    [
      'the handler of /a.B/C failed',
      'the server failed',
      'the handler of /a.B/C failed, and 99 times before',
    ],
  )
  const odd = Object.defineProperty(new Error('x'), 'stack', {
    get() {
      throw new TypeError('mine')
    },
  })
  now *= 3
  warn(odd, context)
  t.match(warnings.at(-1), { detail: 'an exception without a text', cause: odd })
  t.end()
})
