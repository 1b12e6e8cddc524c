import t from 'tap'
import { grpcTransport } from '../../src/transport/grpc-transport.js'
import { nearest } from '../../src/transport/option-check.js'
import { serve } from '../../src/transport/server.js'
import { connect } from '../../src/transport/session.js'
import { acceptorOf, routerWith } from './calls.js'
import { FakeRuntime } from './fake-runtime.js'

const handler = acceptorOf(routerWith())
const runtime = new FakeRuntime()

/** Who takes options, their names, and how to give some: what it throws or rejects with is the answer. */
const TAKERS: readonly {
  readonly what: string
  readonly names: readonly string[]
  give(options: object): unknown
}[] = [
  {
    what: 'serve',
    names:
      'address handler onRequest tls limits handshakeTimeoutMs backlog connectionsMax connectionsPerAddressMax connectionAgeMs connectionAgeGraceMs connectionIdleMs neverIndexed observer onError runtime'.split(
        ' ',
      ),
    give: options => serve({ handler, runtime, ...options }),
  },
  {
    what: 'connect',
    names:
      'tls eager connectTimeoutMs backOff waitingCallsMax keepaliveIntervalMs keepaliveTimeoutMs limits neverIndexed observer onError runtime'.split(
        ' ',
      ),
    give: options => connect('127.0.0.1:1', { runtime, ...options }),
  },
  {
    what: 'grpcTransport',
    names:
      'serverTls clientTls path messageSizeMax connectionPerSocket limits neverIndexed onRequest calls session userAgent observer onError runtime connectionsMax connectionsPerAddressMax handshakeTimeoutMs connectionAgeMs connectionAgeGraceMs connectionIdleMs'.split(
        ' ',
      ),
    give: options => grpcTransport({ runtime, ...options }),
  },
  {
    what: 'session',
    names:
      'eager connectTimeoutMs backOff waitingCallsMax keepaliveIntervalMs keepaliveTimeoutMs observer onError'.split(
        ' ',
      ),
    give: session => grpcTransport({ runtime, session }),
  },
  {
    what: 'backOff',
    names: ['initialMs', 'multiplier', 'maxMs', 'jitter'],
    give: backOff => connect('127.0.0.1:1', { runtime, backOff }),
  },
  {
    what: 'dial',
    names: ['timeoutMs', 'connClose'],
    give: options => grpcTransport({ runtime }).dial('127.0.0.1:1', options),
  },
  {
    what: 'listen',
    names: ['backlog'],
    give: options => grpcTransport({ runtime }).listen('127.0.0.1:0', options),
  },
  {
    what: 'stop',
    names: ['graceMs'],
    give: async options => (await serve({ handler, runtime: new FakeRuntime() })).stop(options),
  },
]

async function refusalOf(give: () => unknown): Promise<Error | undefined> {
  try {
    await give()
    return undefined
  } catch (error) {
    return error as Error
  }
}

for (const { what, names, give } of TAKERS) {
  t.test(
    `${what}: each option misspelt, and of a wrong type, is refused at once by its name`,
    async t => {
      for (const name of names) {
        const misspelt = await refusalOf(() => give({ [`${name}s`]: undefined }))
        t.equal(misspelt?.message, `${what} has no option ${name}s; did you mean ${name}?`)
        t.equal(misspelt?.name, 'TypeError')
        const wrong = await refusalOf(() => give({ [name]: Symbol('wrong') }))
        t.ok(wrong instanceof TypeError || wrong instanceof RangeError, `${name}: ${wrong}`)
        t.match(wrong?.message, name.replace(/^(?:server|client)Tls$/, 'tls'))
        const nothing = await refusalOf(() => give({ [name]: null }))
        t.match(nothing?.message, name.replace(/^(?:server|client)Tls$/, 'tls'), `${name}: null`)
      }
    },
  )
}

t.test(
  'tls of a transport is refused, with the two that there are: nothing is served in plain text',
  t => {
    t.throws(() => grpcTransport({ tls: {} } as never), {
      name: 'TypeError',
      message:
        'grpcTransport has no option tls; serverTls is for listen, clientTls for dial and session',
    })
    t.end()
  },
)

t.test('an observer that is an object where a function is meant, and the other way round', t => {
  const observer = { onFrame() {} }
  t.throws(() => grpcTransport({ observer } as never), {
    message: 'observer is an object; expected a function',
  })
  t.throws(() => serve({ handler, observer } as never), { message: /^observer is an object/ })
  t.throws(() => connect('a:1', { observer: () => observer } as never), {
    message: 'observer is a function; expected an object',
  })
  t.throws(() => serve({} as never), { message: 'serve needs a handler' })
  t.throws(() => grpcTransport(null as never), /options of grpcTransport are null/)
  t.end()
})

t.test('the name that was meant: other letters, one too many, too few, or wrong; else none', t => {
  const known = ['backlog', 'observer']
  for (const name of ['backLog', 'backlogs', 'backlo', 'bucklog']) {
    t.equal(nearest(known, name), 'backlog', name)
  }
  t.equal(nearest(known, 'listener'), undefined)
  t.end()
})
