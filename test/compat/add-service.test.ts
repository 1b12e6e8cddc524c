import * as grpc from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { addService } from '../../src/compat/index.js'
import { type Client, createClient, createServer, fromDefinition } from '../../src/micro/index.js'
import { memoryTransport } from '../../src/transport/index.js'
import { ECHO_NAME, echoClientClass, loadEcho } from './echo-definition.js'

interface Message {
  text: string
  count: string
  words: string[]
}

type Unary = grpc.handleUnaryCall<Message, Partial<Message>>
type Up = grpc.handleClientStreamingCall<Message, Partial<Message>>
type Down = grpc.handleServerStreamingCall<Message, Partial<Message>>
type Chat = grpc.handleBidiStreamingCall<Message, Partial<Message>>

/** What the implementation noticed. */
interface Notes {
  readonly lines: string[]
  wake: () => void
}

function trailers(): grpc.Metadata {
  const metadata = new grpc.Metadata()
  metadata.set('took', '3 ms')
  metadata.add('took', '4 ms')
  metadata.set('blob-bin', Buffer.from([0, 255, 7]))
  return metadata
}

/** An implementation as people write them for grpc-js; the request's text says what to do. */
class EchoImplementation {
  readonly #notes: Notes
  /** Proves that `this` is the implementation. */
  readonly greeting = 'hello '

  constructor(notes: Notes) {
    this.#notes = notes
  }

  readonly Say: Unary = (call, callback) => {
    const { text } = call.request
    const notes = this.#notes
    if (text === 'not found') {
      callback({ code: grpc.status.NOT_FOUND, details: 'no such thing – ü' })
    } else if (text === 'service error') {
      const error = Object.assign(new Error('ignored'), {
        code: grpc.status.ABORTED,
        details: 'aborted it is',
        metadata: trailers(),
      })
      callback(error)
    } else if (text === 'plain error') callback(new Error('just an error'))
    else if (text === 'no code') callback({ details: 'unseen' })
    else if (text === 'code without details') {
      callback(Object.assign(new Error('the message'), { code: grpc.status.INTERNAL }))
    } else if (text === 'overriding trailers') {
      callback({ code: 5, details: 'x', metadata: new grpc.Metadata() }, null, trailers())
    } else if (text === 'throw') throw new Error('secret')
    else if (text === 'metadata') {
      const metadata = new grpc.Metadata()
      metadata.set('seen', call.metadata.get('tenant').map(String).join(', '))
      metadata.set('octets', Buffer.from(call.metadata.get('in-bin')[0] as Buffer).toString('hex'))
      metadata.set('map', String(call.metadata.getMap()['only']))
      metadata.set('path', call.getPath())
      metadata.set('peer', String(/^127\.0\.0\.1:\d+$/.test(call.getPeer())))
      call.sendMetadata(metadata)
      call.sendMetadata(trailers())
      callback(null, { text: 'with metadata' }, trailers())
    } else if (text === 'deadline') {
      const left = Number(call.getDeadline()) - Date.now()
      const soon = left > 5_000 && left < 10_500
      callback(null, { text: `${typeof call.getDeadline()}, ${soon ? 'soon' : left}` })
    } else if (text === 'hang') {
      notes.lines.push(`hanging ${call.cancelled}`)
      call.on('cancelled', () => {
        notes.lines.push(`cancelled ${call.cancelled}`)
        notes.wake()
      })
      notes.wake()
    } else if (text === 'twice') {
      callback(null, { text: 'first' })
      callback(null, { text: 'second' })
    } else setImmediate(() => callback(null, { ...call.request, text: this.greeting + text }))
  }

  Down: Down = call => {
    const { text } = call.request
    const notes = this.#notes
    if (text === 'emit error') {
      call.write({ text: 'before' })
      const status = { code: grpc.status.DATA_LOSS, details: 'lost', metadata: trailers() }
      call.emit('error', status)
    } else if (text === 'early metadata') {
      call.sendMetadata(trailers())
    } else if (text === 'trailers') {
      call.write({ text: 'one' })
      call.end(trailers())
    } else if (text === 'throw') throw new Error('secret')
    else if (text === 'hang') {
      call.on('cancelled', () => {
        notes.lines.push(`cancelled ${call.cancelled} ${call.destroyed}`)
        notes.wake()
      })
      call.write({ text: 'started' })
    } else if (text === 'many') {
      let next = 0
      const fill = (): void => {
        while (next < 500)
          if (!call.write({ text: `${next++}` })) return void call.once('drain', fill)
        call.end()
      }
      fill()
    } else {
      for (const word of call.request.words) call.write({ text: word })
      call.end()
    }
  }

  Up: Up = (call, callback) => {
    const words: string[] = []
    const notes = this.#notes
    call.on('cancelled', () => {
      notes.lines.push(`cancelled ${call.cancelled}`)
      notes.wake()
    })
    call.on('data', (message: Message) => {
      words.push(message.text)
      if (message.text === 'stop') {
        callback({ code: grpc.status.RESOURCE_EXHAUSTED, details: 'enough' })
      }
    })
    call.on('end', () => callback(null, { words }, trailers()))
    notes.wake()
  }

  Chat: Chat = call => {
    const notes = this.#notes
    call.on('cancelled', () => {
      notes.lines.push(`cancelled ${call.cancelled}`)
      notes.wake()
    })
    call.on('data', (message: Message) => {
      if (message.text === 'fail') call.emit('error', { code: 9, details: 'bad word' })
      else if (message.text === 'destroy') call.destroy(new Error('destroyed'))
      else call.write({ text: message.text.toUpperCase() })
    })
    call.on('end', () => call.end(trailers()))
  }
  // get_thing is not implemented.
}

interface Peer {
  readonly notes: Notes
  readonly client: grpc.Client & Record<string, (...args: unknown[]) => unknown>
  readonly errors: unknown[]
}

function makePeer(t: Test, address: string, notes: Notes, errors: unknown[]): Peer {
  const EchoClient = echoClientClass()
  const client = new EchoClient(address, grpc.credentials.createInsecure())
  t.teardown(() => client.close())
  return { notes, client: client as unknown as Peer['client'], errors }
}

async function ours(t: Test): Promise<Peer> {
  const notes: Notes = { lines: [], wake: () => undefined }
  const errors: unknown[] = []
  const server = createServer({ name: 'echo', onError: error => errors.push(error) })
  addService(server, loadEcho(), new EchoImplementation(notes))
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return makePeer(t, server.address, notes, errors)
}

async function theirs(t: Test): Promise<Peer> {
  const notes: Notes = { lines: [], wake: () => undefined }
  const server = new grpc.Server()
  const implementation = new EchoImplementation(notes)
  server.addService(
    loadEcho() as grpc.ServiceDefinition,
    implementation as unknown as grpc.UntypedServiceImplementation,
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound)
      else reject(error)
    })
  })
  t.teardown(() => server.forceShutdown())
  return makePeer(t, `127.0.0.1:${port}`, notes, [])
}

/** What a client sees of a call, but for what differs in every call. */
interface Outcome {
  code: number | undefined
  details: string | undefined
  headers: Record<string, unknown>
  trailers: Record<string, unknown>
  messages: string[]
}

function plain(metadata: grpc.Metadata | undefined): Record<string, unknown> {
  const all = (metadata?.toJSON() ?? {}) as Record<string, unknown[]>
  const hidden = new Set(['date', 'content-type', 'grpc-accept-encoding', 'grpc-encoding'])
  return Object.fromEntries(
    Object.entries(all)
      .filter(([name]) => !hidden.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, values]) => [
        name,
        values.map(value => (Buffer.isBuffer(value) ? value.toString('hex') : value)),
      ]),
  )
}

interface CallPlan {
  readonly method: string
  /** The texts of the requests. */
  readonly texts: readonly string[]
  readonly words?: readonly string[]
  readonly metadata?: grpc.Metadata
  readonly options?: grpc.CallOptions
  /** Cancel when this many responses are there. */
  readonly cancelAfter?: number
}

const STREAMED_IN = new Set(['Up', 'Chat'])
const STREAMED_OUT = new Set(['Down', 'Chat'])

/** Makes one call with grpc-js's client, whoever serves it. */
function call(peer: Peer, plan: CallPlan): Promise<Outcome> {
  const { method, texts, cancelAfter } = plan
  return new Promise(resolve => {
    const outcome: Outcome = {
      code: undefined,
      details: undefined,
      headers: {},
      trailers: {},
      messages: [],
    }
    let status: grpc.StatusObject | undefined
    let answered = STREAMED_OUT.has(method)
    const settle = (): void => {
      if (status === undefined || !answered) return
      const { code, metadata } = status
      // grpc-js sends the message "OK" with OK; others send none.
      const details = code === grpc.status.OK ? '' : status.details
      resolve({ ...outcome, code, details, trailers: plain(metadata) })
    }
    const callback = (_error: unknown, value?: Message): void => {
      if (value !== undefined) outcome.messages.push(JSON.stringify(value))
      answered = true
      settle()
    }
    const requests = texts.map(text => ({ text, words: plan.words ?? [] }))
    const args: unknown[] = STREAMED_IN.has(method) ? [] : [requests[0]]
    args.push(plan.metadata ?? new grpc.Metadata(), plan.options ?? {})
    if (!STREAMED_OUT.has(method)) args.push(callback)
    const made = peer.client[method]!(...args) as grpc.ClientDuplexStream<unknown, Message>
    made.on('metadata', (metadata: grpc.Metadata) => {
      outcome.headers = plain(metadata)
      if (texts[0] === 'early metadata') made.cancel()
    })
    made.on('status', (got: grpc.StatusObject) => {
      status = got
      settle()
    })
    if (STREAMED_OUT.has(method)) {
      made.on('error', () => undefined)
      made.on('data', (value: Message) => {
        outcome.messages.push(value.text)
        if (outcome.messages.length === cancelAfter) made.cancel()
      })
    }
    if (STREAMED_IN.has(method)) {
      for (const request of requests) made.write(request)
      if (!texts.includes('stop') && cancelAfter === undefined) made.end()
    }
  })
}

function sent(): grpc.Metadata {
  const metadata = new grpc.Metadata()
  metadata.add('tenant', 'a')
  metadata.add('tenant', 'b')
  metadata.set('only', 'one')
  metadata.set('in-bin', Buffer.from([1, 0, 254]))
  return metadata
}

/** Calls whose outcomes must be the same, to the letter. */
const PLANS: Readonly<Record<string, CallPlan>> = {
  'unary: a value': { method: 'Say', texts: ['you'], words: ['a', 'b'] },
  'unary: metadata both ways, the first sendMetadata counts': {
    method: 'Say',
    texts: ['metadata'],
    metadata: sent(),
  },
  'unary: a status and details': { method: 'Say', texts: ['not found'] },
  'unary: an Error with code, details and trailers': { method: 'Say', texts: ['service error'] },
  'unary: an Error without a code is UNKNOWN with its message': {
    method: 'Say',
    texts: ['plain error'],
  },
  'unary: neither code nor message': { method: 'Say', texts: ['no code'] },
  'unary: a code without details': { method: 'Say', texts: ['code without details'] },
  "unary: the third argument overrides an error's metadata": {
    method: 'Say',
    texts: ['overriding trailers'],
  },
  'unary: no deadline is Infinity': { method: 'Say', texts: ['deadline'] },
  'unary: a method without implementation': { method: 'get_thing', texts: ['x'] },
  'client streaming: data, end, callback with trailers': {
    method: 'Up',
    texts: ['a', 'b', 'c'],
  },
  'client streaming: no request at all': { method: 'Up', texts: [] },
  'client streaming: an error before the end': { method: 'Up', texts: ['a', 'stop'] },
  'server streaming: writes and end': { method: 'Down', texts: ['x'], words: ['p', 'q', 'r'] },
  'server streaming: nothing but the end': { method: 'Down', texts: ['x'] },
  'server streaming: end with trailers': { method: 'Down', texts: ['trailers'] },
  'server streaming: emit error with a status': { method: 'Down', texts: ['emit error'] },
  'server streaming: 500 messages through drain': { method: 'Down', texts: ['many'] },
  'server streaming: sendMetadata goes out before any message': {
    method: 'Down',
    texts: ['early metadata'],
  },
  'bidi: echo and trailers': { method: 'Chat', texts: ['a', 'b', 'c'] },
  'bidi: no request at all': { method: 'Chat', texts: [] },
  'bidi: emit error with a status': { method: 'Chat', texts: ['a', 'fail'] },
}

t.test('one implementation behaves the same under grpc-js and under microwire', async t => {
  const [us, them] = [await ours(t), await theirs(t)]
  for (const [name, plan] of Object.entries(PLANS)) {
    await t.test(name, async t => {
      const expected = await call(them, plan)
      const got = await call(us, plan)
      t.strictSame(got, expected)
      t.not(got.code, undefined)
    })
  }
})

t.test('what the plans compare is not empty', async t => {
  const us = await ours(t)
  const found = await call(us, { method: 'Say', texts: ['metadata'], metadata: sent() })
  t.strictSame(found.headers, {
    seen: ['a, b'],
    octets: ['0100fe'],
    map: ['one'],
    path: [`/${ECHO_NAME}/Say`],
    peer: ['true'],
  })
  t.strictSame(found.trailers, { 'blob-bin': ['00ff07'], took: ['3 ms, 4 ms'] })
  const many = await call(us, { method: 'Down', texts: ['many'] })
  t.equal(many.messages.length, 500)
  t.match(await call(us, { method: 'get_thing', texts: ['x'] }), {
    code: grpc.status.UNIMPLEMENTED,
    details: 'The server does not implement the method get_thing',
  })
})

t.test('getDeadline is what the client chose', async t => {
  for (const peer of [await ours(t), await theirs(t)]) {
    const options = { deadline: Date.now() + 10_000 }
    const { messages } = await call(peer, { method: 'Say', texts: ['deadline'], options })
    t.match(messages[0], 'number, soon')
  }
})

t.test('cancelled: the event, the property and the end of the call', async t => {
  for (const peer of [await ours(t), await theirs(t)]) {
    const next = (): Promise<void> => new Promise(resolve => (peer.notes.wake = resolve))
    const hanging = next()
    const made = peer.client['Say']!({ text: 'hang' }, () => undefined) as grpc.ClientUnaryCall
    await hanging
    const told = next()
    made.cancel()
    await told
    const down = next()
    const outcome = await call(peer, { method: 'Down', texts: ['hang'], cancelAfter: 1 })
    await down
    t.equal(outcome.code, grpc.status.CANCELLED)
    const chat = next()
    await call(peer, { method: 'Chat', texts: ['a'], cancelAfter: 1 })
    await chat
    const up = next()
    const stream = peer.client['Up']!(() => undefined) as grpc.ClientWritableStream<unknown>
    stream.write({ text: 'a' })
    await up
    const gone = next()
    stream.cancel()
    await gone
    t.strictSame(peer.notes.lines, [
      'hanging false',
      'cancelled true',
      'cancelled true false',
      'cancelled true',
      'cancelled true',
    ])
    t.strictSame(peer.errors, [], "a cancelled call is nobody's error")
  }
})

t.test(
  'an exception ends the call with UNKNOWN, tells nobody its text, and reaches onError',
  async t => {
    const us = await ours(t)
    for (const method of ['Say', 'Down']) {
      const outcome = await call(us, { method, texts: ['throw'] })
      t.equal(outcome.code, grpc.status.UNKNOWN)
      t.notMatch(outcome.details, 'secret')
    }
    t.strictSame(
      us.errors.map(error => (error as Error).message),
      ['secret', 'secret'],
    )
  },
)

t.test('the first callback counts, where grpc-js lets the call hang', async t => {
  const us = await ours(t)
  const { code, messages } = await call(us, { method: 'Say', texts: ['twice'] })
  t.equal(code, grpc.status.OK)
  t.match(messages, [/first/])
})

t.test('destroy(error) ends the call, where grpc-js lets it hang', async t => {
  const us = await ours(t)
  const outcome = await call(us, { method: 'Chat', texts: ['destroy'] })
  t.match(outcome, { code: grpc.status.UNKNOWN, details: 'destroyed' })
})

async function memoryClient(t: Test, implementation: object): Promise<Client> {
  const transport = memoryTransport()
  const server = createServer({ name: 'echo', transport, address: 'echo' })
  addService(server, fromDefinition(loadEcho()), implementation)
  await server.start()
  const client = createClient({ transport, address: 'echo', service: 'echo' })
  t.teardown(async () => {
    await client.close()
    await server.stop({ graceMs: 0 })
  })
  return client
}

t.test('the same implementation answers micro clients over another transport', async t => {
  const notes: Notes = { lines: [], wake: () => undefined }
  const client = await memoryClient(t, new EchoImplementation(notes))
  const echo = client.bind(fromDefinition(loadEcho()))
  t.match(await echo['say']!({ text: 'you' }), { text: 'hello you' })
  const words: unknown[] = []
  for await (const message of echo['down']!({ words: ['a', 'b'] })) words.push(message)
  t.match(words, [{ text: 'a' }, { text: 'b' }])
  t.match(await echo['up']!([{ text: 'x' }]), { words: ['x'] })
  await t.rejects(echo['say']!({ text: 'not found' }), { code: 404 })
})

t.test(
  'methods are found under the name of the definition, the original and the wire name',
  async t => {
    const answer: Unary = (_call, callback) => callback(null, { text: 'found' })
    for (const name of ['get_thing', 'getThing']) {
      const client = await memoryClient(t, { [name]: answer })
      const echo = client.bind(fromDefinition(loadEcho()))
      t.match(await echo['getThing']!({}), { text: 'found' }, name)
    }
  },
)

t.test('addService says what is wrong with its arguments', t => {
  const server = createServer({ name: 'echo' })
  t.throws(() => addService(server, loadEcho(), null as unknown as object), {
    message: 'implementation must be an object, got object',
  })
  t.throws(() => addService(server, {}, {}), { message: /not a service definition/ })
  t.end()
})
