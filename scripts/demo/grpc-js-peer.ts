/**
 * The same service on @grpc/grpc-js, which knows nothing of us: a server for our
 * client to call, and a client that calls our server.
 */
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { PROTO_FILE } from './greeter.js'

interface Text {
  readonly text: string
}
interface Term {
  readonly value: number
}
interface Total {
  readonly sum: number
  readonly count: number
}
type Callback<T> = (error: grpc.ServiceError | null, reply?: T) => void

/** What proto-loader's client looks like from outside. */
interface PeerClient extends grpc.Client {
  hello(request: { name: string }, callback: Callback<Text>): grpc.ClientUnaryCall
  chat(): grpc.ClientDuplexStream<Text, Text>
  countdown(request: { from: number }): grpc.ClientReadableStream<{ left: number }>
  sum(callback: Callback<Total>): grpc.ClientWritableStream<Term>
}

const definition = loadSync(PROTO_FILE, { keepCase: true, defaults: true })
const Peer = (
  grpc.loadPackageDefinition(definition) as unknown as {
    greeter: { v1: { Greeter: grpc.ServiceClientConstructor } }
  }
).greeter.v1.Greeter

/** Starts a grpc-js server on a free port; `stop` ends it at once. */
export async function startPeerServer(): Promise<{ address: string; stop: () => void }> {
  const server = new grpc.Server()
  server.addService(Peer.service, {
    hello(call: grpc.ServerUnaryCall<{ name: string }, Text>, reply: Callback<Text>) {
      reply(null, { text: `Hello, ${call.request.name}, from grpc-js` })
    },
    countdown(call: grpc.ServerWritableStream<{ from: number }, { left: number }>) {
      for (let left = call.request.from; left > 0; left--) call.write({ left })
      call.end()
    },
    sum(call: grpc.ServerReadableStream<Term, Total>, reply: Callback<Total>) {
      let sum = 0
      let count = 0
      call.on('data', (term: Term) => {
        sum += term.value
        count++
      })
      call.on('end', () => reply(null, { sum, count }))
    },
    chat(call: grpc.ServerDuplexStream<Text, Text>) {
      call.on('data', (line: Text) => call.write({ text: `you said: ${line.text}` }))
      call.on('end', () => call.end())
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() }
}

/** A grpc-js client as promises. */
export class PeerCaller {
  readonly #client: PeerClient

  constructor(address: string) {
    this.#client = new Peer(address, grpc.credentials.createInsecure()) as unknown as PeerClient
  }

  hello(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#client.hello({ name }, (error, reply) =>
        error === null ? resolve(reply!.text) : reject(error),
      )
    })
  }

  sum(values: readonly number[]): Promise<Total> {
    return new Promise((resolve, reject) => {
      const call = this.#client.sum((error, total) =>
        error === null ? resolve(total!) : reject(error),
      )
      for (const value of values) call.write({ value })
      call.end()
    })
  }

  async countdown(from: number): Promise<number[]> {
    const ticks: number[] = []
    for await (const tick of this.#client.countdown({ from })) {
      ticks.push((tick as { left: number }).left)
    }
    return ticks
  }

  async chat(lines: readonly string[]): Promise<string[]> {
    const call = this.#client.chat()
    for (const text of lines) call.write({ text })
    call.end()
    const heard: string[] = []
    for await (const line of call) heard.push((line as Text).text)
    return heard
  }

  close(): void {
    this.#client.close()
  }
}
