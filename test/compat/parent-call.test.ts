import * as grpc from '@grpc/grpc-js'
import t from 'tap'
import { addService } from '../../src/compat/index.js'
import { createServer } from '../../src/micro/index.js'
import { echoClientClass, loadEcho } from './echo-definition.js'

type Unary = grpc.handleUnaryCall<{ text: string }, object>
type Call = (request: object, options: object, done?: () => void) => grpc.ClientUnaryCall

// A handler that calls on with grpc-js's client may give its own call as `parent`.
t.test('a call is a parent for a client of grpc-js: deadline and cancellation go on', async t => {
  const Client = echoClientClass()
  const insecure = grpc.credentials.createInsecure()
  const inner: { deadline: number; cancelled: Promise<void> }[] = []
  await using last = createServer({ name: 'last' })
  const started = new Promise<void>(resolve => {
    const Say: Unary = call => {
      const cancelled = new Promise<void>(done => call.once('cancelled', () => done()))
      inner.push({ deadline: Number(call.getDeadline()), cancelled })
      resolve()
    }
    addService(last, loadEcho(), { Say })
  })
  await last.start()
  const onward = new Client(last.address, insecure)
  await using first = createServer({ name: 'first' })
  const Say: Unary = (call, callback) => {
    const options = { parent: call }
    ;(onward['Say'] as unknown as Call)(call.request, options, callback as () => void)
  }
  addService(first, loadEcho(), { Say })
  await first.start()
  const client = new Client(first.address, insecure)
  const deadline = Date.now() + 60_000
  const call = (client['Say'] as unknown as Call).call(client, {}, { deadline }, () => {})
  await started
  t.ok(Math.abs(inner[0]!.deadline - deadline) < 30_000, `a deadline of ${inner[0]!.deadline}`)
  call.cancel()
  await inner[0]!.cancelled
  client.close()
  onward.close()
})
