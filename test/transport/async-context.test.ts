import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { inRootContext, inThisContext, nodeRuntime } from '../../src/transport/index.js'

const storage = new AsyncLocalStorage<string>()

t.test('the root context has no store, and what is started in it has none later', async t => {
  await storage.run('a call', async () => {
    t.equal(
      inRootContext((a: number, b: number) => `${storage.getStore()} ${a + b}`, 1, 2),
      'undefined 3',
    )
    const later = await inRootContext(async () => {
      await undefined
      return storage.getStore()
    })
    t.equal(later, undefined)
    t.equal(storage.getStore(), 'a call', 'the caller keeps its own')
    t.throws(() =>
      inRootContext(() => {
        throw new Error('through')
      }),
    )
    t.equal(storage.getStore(), 'a call')
  })
})

t.test('a callback that is bound runs where it was bound', t => {
  const seen: unknown[] = []
  const bound = storage.run('mine', () => {
    return inThisContext((value: number) => seen.push(value, storage.getStore()))
  })
  storage.run('other', () => bound(1))
  bound(2)
  t.same(seen, [1, 'mine', 2, 'mine'])
  t.end()
})

t.test("timers, turns and sockets of the runtime are nobody's", async t => {
  const seen: Record<string, unknown> = {}
  const note = (name: string, done: () => void) => () => {
    seen[name] = storage.getStore()
    done()
  }
  await storage.run('a call', async () => {
    await new Promise<void>(done => nodeRuntime.schedule(0, note('timer', done)).ref())
    await new Promise<void>(done => nodeRuntime.afterTurn(note('turn', done)))
    await new Promise<void>(done => nodeRuntime.afterMicrotasks(note('microtasks', done)))
    const options = { host: '127.0.0.1', port: 0, handshakeTimeoutMs: 1_000 }
    let accepted = (): void => undefined
    const isAccepted = new Promise<void>(resolve => {
      accepted = resolve
    })
    const listener = await nodeRuntime.listen(options, {
      onSocket: socket => {
        socket.on('close', () => undefined)
        socket.destroy()
        note('accept', accepted)()
      },
      onError: () => undefined,
      onHandshake: () => true,
      onHandshakeEnd: () => undefined,
      onAcceptError: () => undefined,
    })
    await new Promise<void>(done => {
      const { host, port } = listener
      const socket = nodeRuntime.connect({ host, port }, note('connect', done))
      socket.on('error', () => undefined)
    })
    await isAccepted
    await listener.close()
  })
  t.same(seen, {
    timer: undefined,
    turn: undefined,
    microtasks: undefined,
    accept: undefined,
    connect: undefined,
  })
  t.equal(Object.keys(seen).length, 5)
})
