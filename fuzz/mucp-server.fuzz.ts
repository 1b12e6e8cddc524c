import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer, defineService, jsonCodec, MicroError } from '../src/micro/index.js'
import { MUCP_HEADER_SIZE_MAX, MUCP_NAME_SIZE_MAX } from '../src/micro/server/mucp/limits.js'
import { OctetSource } from '../src/testing/index.js'
import { type Message, memoryTransport, type Socket } from '../src/transport/index.js'
import { invariant } from './invariant.js'
import { someMessage } from './mucp-words.js'

// T13: any messages for a mucp server. Nothing escapes, all that was asked is answered, bounded, and all handlers end.

const MESSAGES_MAX = 40
const TURNS_MAX = 400
/** What an answer may have beside what it repeats: fields of the protocol. */
const ANSWER_FIELDS_MAX = 16
/** Taken of a peer that reads nothing: what two sockets within this process hold, and some on their way. */
const TAKEN_MAX = 160
const HUSH = 'hush: the handler in its own words'
/** Of whoever dials. */
const caller = new AsyncLocalStorage<string>()
const json = { request: jsonCodec<unknown>(), response: jsonCodec<unknown>() }
const service = defineService('fuzz.Fuzz', {
  one: { kind: 'unary', ...json },
  down: { kind: 'server', ...json },
  up: { kind: 'client', ...json },
  both: { kind: 'bidi', ...json },
})

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Handlers that hand on what they are told, errors too. */
class Site {
  running = 0
  events = 0
  refusesEvents = false
  runningMax = 0
  /** A handler saw the context of whoever dialled. */
  isBled = false
  readonly handlersMax: number
  readonly transport: ReturnType<typeof memoryTransport>
  readonly server: ReturnType<typeof createServer>

  constructor(handlersMax: number) {
    this.handlersMax = handlersMax
    this.transport = memoryTransport({ handlersMax })
    this.server = createServer({
      name: 'fuzz',
      address: 'fuzz:1',
      transport: this.transport,
      onError: error => void String(error),
    })
  }

  /** Handlers are counted when all microtasks are done: one whose call has ended takes some to leave its generator. */
  async turn(): Promise<void> {
    await turn()
    this.runningMax = Math.max(this.runningMax, this.running)
  }

  begin(): void {
    this.running++
    this.isBled ||= caller.getStore() !== undefined
  }

  async start(): Promise<void> {
    this.server.use((call, next) => {
      if (call.kind === 'event' && this.refusesEvents) throw new MicroError(403, 'no events')
      return next(call.request)
    })
    const counted = async <T>(run: () => Promise<T>): Promise<T> => {
      this.begin()
      try {
        return await run()
      } finally {
        this.running--
      }
    }
    const site = this
    async function* all(requests: AsyncIterable<unknown>): AsyncGenerator<unknown> {
      site.begin()
      try {
        for await (const each of requests) yield each
      } finally {
        site.running--
      }
    }
    this.server.handle(service, {
      // Long enough for the next message to come while it runs.
      one: request =>
        counted(async () => {
          await turn()
          if (request === 'x') throw new Error(HUSH)
          return request
        }),
      async *down(request) {
        yield request
        yield request
      },
      up: requests =>
        counted(async () => {
          let last: unknown = null
          for await (const each of requests) last = each
          return last
        }),
      both: requests => all(requests),
    })
    this.server.subscribe('news', () => void this.events++)
    await this.server.start()
  }
}

/** Octet 0: whether middleware refuses events, few handlers may run, and the peer reads nothing; then messages. */
export async function fuzz(data: Buffer): Promise<void> {
  const source = new OctetSource(data)
  const options = source.octet()
  const site = new Site((options & 2) === 0 ? 10_000 : 2)
  site.refusesEvents = (options & 1) === 1
  await site.start()
  const socket = await caller.run('dialler', () => site.transport.dial('fuzz:1'))
  if (options >= 240) {
    await checkPace(socket, source)
    await socket.close()
    await site.server.stop({ graceMs: 0 })
    return
  }
  const answers: Message[] = []
  const reading = readAll(socket, answers)
  /** Unary calls that must be answered: sent when nothing with their id runs. */
  let sent = 0
  while (source.left > 0 && sent++ < MESSAGES_MAX) {
    try {
      await socket.send(someMessage(source))
    } catch {
      // The server has ended the socket.
      break
    }
    if (sent % 8 === 0) await site.turn()
  }
  await site.turn()
  await checkProbe(socket, answers)
  await socket.close()
  await reading
  for (let turns = 0; site.running > 0; turns++) {
    invariant(
      turns < TURNS_MAX,
      'T13 every handler ends when its socket has',
      () => `${site.running} run`,
    )
    await turn()
  }
  for (const { header, body } of answers) {
    checkAnswer(header)
    const all = [...header.values(), Buffer.from(body).toString()].join('\n')
    invariant(!all.includes('hush'), 'T13 what an exception says stays here')
  }
  invariant(!site.isBled, 'T13 a handler runs in the context of nobody who dialled')
  invariant(
    site.runningMax <= site.handlersMax,
    'T13 as many handlers run as may',
    () => `${site.runningMax} of ${site.handlersMax}`,
  )
  invariant(
    !site.refusesEvents || site.events === 0,
    'T13 what middleware refuses reaches no subscriber',
  )
  await site.server.stop({ graceMs: 0 })
}

/** Messages that are refused, of a peer that reads no answer: it is read no more itself. */
async function checkPace(socket: Socket, source: OctetSource): Promise<void> {
  const contentType = source.pick(['text/html', 'application/json'])
  let taken = 0
  for (let index = 0; index <= TAKEN_MAX + 10; index++) {
    const header = new Map([
      ['Content-Type', contentType],
      ['Micro-Id', String(index)],
      ['Micro-Endpoint', 'No.One'],
    ])
    let isTaken = false
    const sent = socket.send({ header, body: Buffer.alloc(0) }).then(
      () => {
        isTaken = true
      },
      () => undefined,
    )
    for (let turns = 0; !isTaken && turns < 3; turns++) await turn()
    if (!isTaken) {
      void sent
      return
    }
    taken++
  }
  invariant(
    taken <= TAKEN_MAX,
    'T13 a peer that reads no answers is read no more',
    () => `${taken}`,
  )
}

/** Two unary calls with one id: both are answered, whatever came before. */
async function checkProbe(socket: Socket, answers: readonly Message[]): Promise<void> {
  const id = 'probe'
  const header = (): Map<string, string> =>
    new Map([
      ['Content-Type', 'application/json'],
      ['Micro-Id', id],
      ['Micro-Endpoint', 'Fuzz.One'],
    ])
  const body = Buffer.from('7')
  try {
    await Promise.all([
      socket.send({ header: header(), body }),
      socket.send({ header: header(), body }),
    ])
  } catch {
    return
  }
  const count = (): number => answers.filter(answer => answer.header.get('Micro-Id') === id).length
  for (let turns = 0; turns < 20 && count() < 2; turns++) await turn()
  // A socket whose client has said its last word takes no call.
  invariant(count() !== 1, 'T13 each message with the id of a unary call is answered')
}

function checkAnswer(header: ReadonlyMap<string, string>): void {
  invariant(
    header.size <= ANSWER_FIELDS_MAX,
    'T13 an answer repeats no fields',
    () => `${header.size} fields`,
  )
  let size = 0
  for (const [name, value] of header) {
    size += name.length + value.length
    const isError = name === 'Micro-Error' || name === 'X-Micro-Error'
    invariant(
      isError || value.length <= 2 * MUCP_NAME_SIZE_MAX,
      'T13 an answer repeats names that are bounded',
      () => `${name}: ${value.length}`,
    )
  }
  invariant(size <= MUCP_HEADER_SIZE_MAX, 'T13 the header of an answer is bounded')
  const error = header.get('Micro-Error')
  if (error?.startsWith('{') === true) JSON.parse(error)
}

async function readAll(socket: Socket, answers: Message[]): Promise<void> {
  try {
    for (;;) {
      const message = await socket.receive()
      if (message === undefined) return
      answers.push(message)
    }
  } catch {
    // The server has ended it otherwise.
  }
}
