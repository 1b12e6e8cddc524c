import t, { type Test } from 'tap'
import { memoryTransport } from '../../src/transport/micro/memory-transport.js'
import type { Message, Socket } from '../../src/transport/micro/transport.js'

function text(body: string): Message {
  return { header: new Map([['a', 'b']]), body: Buffer.from(body) }
}

function bodyOf(message: Message | undefined): string | undefined {
  return message === undefined ? undefined : Buffer.from(message.body).toString()
}

async function pair(t: Test): Promise<[Socket, Socket, () => void]> {
  const transport = memoryTransport()
  const listener = await transport.listen(':0')
  t.teardown(() => listener.close())
  let finish = (): void => {}
  const accepted = new Promise<Socket>(resolve => {
    listener.accept(socket => {
      resolve(socket)
      return new Promise<void>(done => {
        finish = done
      })
    })
  })
  const client = await transport.dial(listener.address)
  const server = await accepted
  t.teardown(() => finish())
  return [client, server, finish]
}

t.test('messages arrive in order, both ways, as copies', async t => {
  const [client, server] = await pair(t)
  const first = text('one')
  await client.send(first)
  first.body[0] = 0
  first.header.clear()
  await client.send(text('two'))
  const received = await server.receive()
  t.equal(bodyOf(received), 'one')
  t.equal(received?.header.get('a'), 'b')
  t.equal(bodyOf(await server.receive()), 'two')
  const waiting = client.receive()
  await server.send(text('back'))
  t.equal(bodyOf(await waiting), 'back')
  t.equal(client.remote, server.local)
  t.equal(server.remote, client.local)
})

t.test('what is no message is refused; the socket stays usable', async t => {
  const [client, server] = await pair(t)
  const body = Buffer.alloc(0)
  for (const wrong of [
    undefined,
    { header: new Map() },
    { header: { a: 'b' }, body },
    { header: new Map([['a', 5]]), body },
    { header: new Map(), body: 'text' },
  ]) {
    await t.rejects(client.send(wrong as unknown as Message), {
      name: 'TypeError',
      message: /^message.* expected /,
    })
  }
  await client.send(text('good'))
  t.equal(bodyOf(await server.receive()), 'good')
})

t.test('dialling an address where nobody listens fails with the address', async t => {
  const transport = memoryTransport()
  await t.rejects(transport.dial('greeter'), {
    code: 'TRANSPORT_REFUSED',
    message: /could not dial greeter/,
  })
  const listener = await transport.listen('greeter')
  await t.rejects(transport.listen('greeter'), { code: 'TRANSPORT_IN_USE', address: 'greeter' })
  await listener.close()
  await t.rejects(transport.dial('greeter'), { message: /could not dial greeter/ })
  await (await transport.listen('greeter')).close()
})

t.test('port 0 finds a free address each time', async t => {
  const transport = memoryTransport()
  const one = await transport.listen('host:0')
  const two = await transport.listen('host:0')
  t.not(one.address, two.address)
  t.match(one.address, /^host:\d+$/)
  t.match((await transport.listen('')).address, /^:\d+$/)
})

t.test('when the handler returns, the client reads what is left and then undefined', async t => {
  const [client, server, finish] = await pair(t)
  await server.send(text('last'))
  finish()
  await new Promise(setImmediate)
  t.equal(bodyOf(await client.receive()), 'last')
  t.equal(await client.receive(), undefined)
  t.equal(await client.receive(), undefined)
  await t.rejects(client.send(text('x')), { code: 'TRANSPORT_CLOSED' })
})

t.test('when the handler throws, the client gets an error', async t => {
  const transport = memoryTransport()
  const listener = await transport.listen('a')
  listener.accept(() => {
    throw new Error('broken')
  })
  const client = await transport.dial('a')
  const message = 'a: the handler of the socket failed'
  await t.rejects(client.receive(), {
    code: 'TRANSPORT_LOST',
    message,
    cause: { message: 'broken' },
  })
  await t.rejects(client.send(text('x')), { message })
})

t.test('when the client closes, the server reads what is left and then undefined', async t => {
  const [client, server] = await pair(t)
  await client.send(text('last'))
  await client.close()
  await client.close()
  t.equal(bodyOf(await server.receive()), 'last')
  t.equal(await server.receive(), undefined)
  await t.rejects(server.send(text('x')), { code: 'TRANSPORT_CLOSED' })
  await t.rejects(client.send(text('x')), { code: 'TRANSPORT_CLOSED' })
  t.equal(await client.receive(), undefined)
})

t.test('closing settles a receive that waits, at both ends', async t => {
  const [client, server] = await pair(t)
  const waiting = [client.receive(), server.receive()]
  await t.rejects(client.receive(), TypeError)
  await client[Symbol.asyncDispose]()
  t.same(await Promise.all(waiting), [undefined, undefined])
})

t.test('back-pressure: the 65th message waits until one is read', async t => {
  const [client, server] = await pair(t)
  for (let i = 0; i < 64; i++) await client.send(text(`${i}`))
  let sent = false
  const waiting = client.send(text('64')).then(() => {
    sent = true
  })
  await new Promise(setImmediate)
  t.notOk(sent)
  t.equal(bodyOf(await server.receive()), '0')
  await waiting
  for (let i = 1; i <= 64; i++) t.equal(bodyOf(await server.receive()), `${i}`)
})

t.test('back-pressure: a sender that waits is released when the receiver closes', async t => {
  const [client, server] = await pair(t)
  for (let i = 0; i < 64; i++) await client.send(text(`${i}`))
  const waiting = client.send(text('64'))
  await server.close()
  await t.rejects(waiting, { code: 'TRANSPORT_CLOSED' })
})

t.test('sockets dialled before accept wait for it; a listener that closes ends them', async t => {
  const transport = memoryTransport()
  const listener = await transport.listen('a')
  const early = await transport.dial('a')
  await early.send(text('early'))
  let seen: string | undefined
  listener.accept(async socket => {
    seen = bodyOf(await socket.receive())
  })
  t.throws(() => listener.accept(() => {}), TypeError)
  t.equal(await early.receive(), undefined)
  t.equal(seen, 'early')

  const unserved = await transport.listen('b')
  const client = await transport.dial('b')
  await unserved[Symbol.asyncDispose]()
  t.equal(await client.receive(), undefined)
})

t.test('close of a listener waits for its handlers', async t => {
  const transport = memoryTransport()
  const listener = await transport.listen('a')
  let release = (): void => {}
  listener.accept(
    () =>
      new Promise<void>(resolve => {
        release = resolve
      }),
  )
  await transport.dial('a')
  await new Promise(setImmediate)
  let closed = false
  const closing = listener.close().then(() => {
    closed = true
  })
  await new Promise(setImmediate)
  t.notOk(closed)
  release()
  await closing
})
