import t from 'tap'
import { type MessageCall, SocketFlow } from '../../src/transport/micro/socket-flow.js'

/** A call whose messages and room are what the test says. */
class FakeCall implements MessageCall {
  readonly inbox: unknown[] = []
  readonly written: string[] = []
  /** Messages that are taken without being told to wait. */
  room: number = Number.POSITIVE_INFINITY
  ended = false
  onRead: () => void = () => {}

  get readable(): boolean {
    return this.inbox.length > 0
  }

  read(): unknown {
    const message = this.inbox.shift()
    this.onRead()
    return message
  }

  write(message: unknown): boolean {
    this.written.push((message as Buffer).toString())
    return this.written.length <= this.room
  }
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise(resolve => setImmediate(resolve, 'pending'))
  return (await Promise.race([promise.catch(() => {}), turn])) === 'pending'
}

t.test('a receive goes on waiting when it is woken for nothing', async t => {
  const call = new FakeCall()
  const flow = new SocketFlow('peer:1', call)
  const received = flow.receive()
  flow.onReadable()
  // Readable, but undefined: it turned out to be broken, and the end of the call follows.
  call.inbox.push(undefined)
  flow.onReadable()
  t.ok(await isPending(received))
  call.inbox.push('a message')
  flow.onReadable()
  t.equal(await received, 'a message')
  flow.onReadable()
  call.inbox.push('another')
  t.equal(await flow.receive(), 'another')
})

t.test('the end of the messages wakes a receive with undefined', async t => {
  const call = new FakeCall()
  const flow = new SocketFlow('peer:1', call)
  const received = flow.receive()
  call.ended = true
  flow.onReadable()
  t.equal(await received, undefined)
  t.equal(await flow.receive(), undefined)
})

t.test('a message whose read ends the call is received, not the end', async t => {
  const call = new FakeCall()
  const flow = new SocketFlow('peer:1', call)
  const received = flow.receive()
  call.inbox.push('the last')
  call.onRead = () => flow.end(undefined)
  flow.onReadable()
  t.equal(await received, 'the last')
  t.equal(await flow.receive(), undefined)
})

t.test(
  'a message that turns out to be broken when it is read fails the receive that waits',
  async t => {
    const call = new FakeCall()
    const flow = new SocketFlow('peer:1', call)
    const received = flow.receive()
    call.inbox.push(undefined)
    call.onRead = () => flow.end(new Error('broken'))
    flow.onReadable()
    await t.rejects(received, { message: 'broken' })
  },
)

t.test('sends beyond the room wait, and leave in order with the drain', async t => {
  const call = new FakeCall()
  call.room = 1
  const flow = new SocketFlow('peer:1', call)
  await flow.send(Buffer.from('1'))
  const [second, third] = [flow.send(Buffer.from('2')), flow.send(Buffer.from('3'))]
  t.ok(await isPending(second))
  t.same(call.written, ['1', '2'], 'the call has the second, which waits for the drain')
  flow.onDrain()
  await second
  t.ok(await isPending(third))
  call.room = Number.POSITIVE_INFINITY
  flow.onDrain()
  await third
  t.same(call.written, ['1', '2', '3'])
})

t.test(
  'at the end, what waits is rejected with its cause, and what was read before is kept',
  async t => {
    const call = new FakeCall()
    call.room = 0
    const flow = new SocketFlow('peer:1', call)
    const sends = [flow.send(Buffer.from('1')), flow.send(Buffer.from('2'))]
    const received = flow.receive()
    const cause = new Error('reset')
    flow.end(cause)
    flow.end(undefined)
    const refused = [flow.send(Buffer.from('3')), flow.receive()]
    for (const promise of [...sends, received, ...refused] as Promise<unknown>[]) {
      await t.rejects(promise, cause)
    }
    t.ok(flow.ended)
    t.same(call.written, ['1'])
    call.inbox.push('late')
    t.equal(await flow.receive(), 'late')
  },
)

t.test('after an end in good order sends are refused with the address', async t => {
  const flow = new SocketFlow('peer:1', new FakeCall())
  flow.end(undefined)
  await t.rejects(flow.send(Buffer.from('x')), { message: 'the socket to peer:1 is closed' })
  t.equal(await flow.receive(), undefined)
})

t.test('one receive at a time', async t => {
  const flow = new SocketFlow('peer:1', new FakeCall())
  const first = flow.receive()
  await t.rejects(flow.receive(), { name: 'TypeError' })
  flow.end(undefined)
  t.equal(await first, undefined)
})
