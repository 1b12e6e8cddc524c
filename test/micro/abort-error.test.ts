import t from 'tap'
import { abortError } from '../../src/micro/errors/abort-error.js'
import {
  createClient,
  createServer,
  defineService,
  GrpcError,
  jsonCodec,
  MicroError,
  Status,
} from '../../src/micro/index.js'

const json = { request: jsonCodec<number>(), response: jsonCodec<number>() }
const service = defineService('x.v1.Aborted', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

/** What callers abort with. */
const REASONS: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  text: 'enough',
  number: 0,
  null: null,
  error: new Error('enough'),
  'error of ours': new GrpcError(Status.NotFound, 'not there', { unprocessed: true }),
  'getters that throw': Object.defineProperty({}, 'message', {
    get() {
      throw new TypeError('mine')
    },
  }),
}

function timedOut(): AbortSignal {
  return AbortSignal.abort(new DOMException('The operation timed out', 'TimeoutError'))
}

for (const protocol of ['grpc', 'mucp'] as const) {
  const CANCELLED = protocol === 'grpc' ? 'CANCELLED' : 499
  const LATE = protocol === 'grpc' ? 'DEADLINE_EXCEEDED' : 408
  const name = protocol === 'grpc' ? 'GrpcError' : 'MicroError'

  t.test(
    `${protocol}: an aborted signal is ${CANCELLED}, time that is up ${LATE}, the reason the cause`,
    async t => {
      const server = createServer({ name: 'x' })
      let begun = (): void => {}
      const hang = (): Promise<never> => {
        begun()
        return new Promise(() => {})
      }
      server.handle(service, {
        one: hang,
        async *down() {
          yield await hang()
        },
        up: hang,
        async *both() {
          yield await hang()
        },
      })
      server.subscribe('topic', hang)
      await server.start()
      const client = createClient({ address: server.address, protocol })
      t.teardown(async () => {
        await client.close()
        await server.stop({ graceMs: 0, settleMs: 0 })
      })
      const { one, down, up, both } = client.bind(service)
      const calls: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>>> = {
        unary: signal => one(1, { signal }),
        server: signal => down(1, { signal }).next(),
        client: signal => up([1], { signal }),
        bidi: signal => both([1], { signal }).next(),
        'by hand': signal => client.stream(service, 'both', { signal }).receive(),
      }
      for (const [kind, call] of Object.entries(calls)) {
        for (const [which, reason] of Object.entries(REASONS)) {
          const controller = new AbortController()
          const isBegun = new Promise<void>(resolve => {
            begun = resolve
          })
          const failed = call(controller.signal).catch((error: unknown) => error)
          await isBegun
          controller.abort(reason)
          const error = (await failed) as GrpcError
          t.match(
            error,
            { name, code: CANCELLED, origin: 'local', unprocessed: false },
            `${kind}, ${which}`,
          )
          t.equal(error.cause, controller.signal.reason, `${kind}, ${which}: cause`)
        }
        const early = (await call(AbortSignal.abort('before')).catch(error => error)) as GrpcError
        const text = 'the call was cancelled: before'
        t.match(
          early,
          { name, code: CANCELLED, unprocessed: true, cause: 'before', message: text },
          kind,
        )
        const late = (await call(timedOut()).catch(error => error)) as GrpcError
        t.match(
          late,
          { name, code: LATE, unprocessed: true, cause: { name: 'TimeoutError' } },
          kind,
        )
        const soon = (await call(AbortSignal.timeout(20)).catch(error => error)) as GrpcError
        t.match(soon, { name, code: LATE, origin: 'local', cause: { name: 'TimeoutError' } }, kind)
      }
      // Events go over mucp, whatever the client's protocol.
      const published = client.publish('topic', 1, { signal: timedOut() })
      await t.rejects(published, { name: 'MicroError', code: 408, cause: { name: 'TimeoutError' } })
      const given = client.publish('topic', 1, { signal: AbortSignal.abort('no') })
      await t.rejects(given, { name: 'MicroError', code: 499, cause: 'no' })
    },
  )

  t.test(
    `${protocol}: what a registry or credentials are waited for in vain is no other error`,
    async t => {
      const signal = AbortSignal.abort('no')
      const registry = {
        listServices: async () => [],
        getService: () => new Promise<never>(() => {}),
        register: async () => {},
        deregister: async () => {},
        watch: () => () => {},
      }
      const looking = createClient({ registry: registry as never, service: 'x', protocol })
      const asking = createClient({
        address: '127.0.0.1:1',
        protocol,
        allowPlaintextCredentials: true,
        credentials: () => new Promise<never>(() => {}),
      })
      t.teardown(async () => {
        await looking.close()
        await asking.close()
      })
      for (const client of [looking, asking]) {
        const { one, down } = client.bind(service)
        const calls: Promise<unknown>[] = [one(1, { signal }), down(1, { signal }).next()]
        for (const call of calls) {
          await t.rejects(call, { name, code: CANCELLED, cause: 'no' })
        }
      }
    },
  )
}

t.test('the deadline of a call that it inherits from is a deadline', t => {
  const late = new GrpcError(Status.DeadlineExceeded, 'deadline exceeded')
  t.match(abortError(late, 'grpc', false), { code: 'DEADLINE_EXCEEDED', cause: late })
  t.match(abortError(MicroError.timeout('late'), 'grpc', false), { code: 'DEADLINE_EXCEEDED' })
  t.match(abortError(late, 'mucp', true), { code: 408, origin: 'local', unprocessed: true })
  t.match(abortError('x', undefined, false), { code: 'CANCELLED', name: 'GrpcError' })
  t.end()
})
