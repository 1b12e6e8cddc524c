import type * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { addService, Metadata } from '../../src/compat/index.js'
import { createClient, createServer, fromDefinition } from '../../src/micro/index.js'
import { loadEcho } from './echo-definition.js'

// What handlers of grpc-js may call back with though they should not, and what its clients see then.

type Unary = grpc.handleUnaryCall<{ text: string }, object>
type Down = grpc.handleServerStreamingCall<{ text: string }, object>

const ANSWERS: Readonly<
  Record<string, Parameters<Unary>[1] extends (...a: infer A) => void ? A : never>
> = {
  nothing: [null],
  null: [null, null],
  'status OK': [{ code: 0, details: 'fine' } as never],
  'status 99': [{ code: 99, details: 'odd' } as never],
}

const implementation = {
  Say: ((call, callback) => callback(...ANSWERS[call.request.text]!)) as Unary,
  Down: (call => {
    call.write({ text: 'a' })
    const late = new Metadata()
    late.set('late', 'yes')
    call.sendMetadata(late as never)
    call.end()
  }) as Down,
}

t.test(
  'a callback without a value is INTERNAL, with OK as code too; a code that is none UNKNOWN',
  async t => {
    await using server = createServer({ name: 'echo' })
    addService(server, loadEcho(), implementation)
    await server.start()
    await using client = createClient({ address: server.address })
    const { say, down } = client.bind(fromDefinition(loadEcho()))
    const outcome = (text: string) => say!({ text }).then(String, error => error)
    t.match(await outcome('nothing'), { code: 'INTERNAL', message: /called back without a value/ })
    t.match(await outcome('null'), { code: 'INTERNAL' })
    t.match(await outcome('status OK'), {
      code: 'INTERNAL',
      message: /whose code is OK, and no val/,
    })
    t.match(await outcome('status 99'), { code: 'UNKNOWN', message: 'odd' })

    let heard: string | undefined
    const stream = down!({}, { onHeaders: metadata => (heard = metadata.get('late') ?? 'none') })
    t.match(await stream.next(), { value: { text: 'a' } })
    t.match(await stream.next(), { done: true })
    t.equal(heard, 'none', 'metadata after a message comes too late, and costs the call nothing')
  },
)
