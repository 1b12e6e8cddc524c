import http2 from 'node:http2'
import { bytesCodec, createClient, defineService, jsonCodec } from '../../src/index.js'
import type { HostileCalls } from './play.js'

/** A client whose server is the attacker. */
export interface HostileClient {
  /** Settles when the call has, however. */
  call(plan: HostileCalls): Promise<unknown>
  close(): Promise<void>
}

const TIMEOUT_MS = 2_000
const UPLOAD_COUNT = 256
const MESSAGE: Buffer = Buffer.alloc(65_536, 'm')
const bytes = bytesCodec()
const json = jsonCodec<unknown>()
const service = defineService('attack.Target', {
  echo: { kind: 'unary', request: bytes, response: bytes },
  download: { kind: 'server', request: bytes, response: bytes },
  upload: { kind: 'client', request: bytes, response: bytes },
})
const notes = defineService('attack.Notes', {
  note: { kind: 'unary', request: json, response: json },
  chat: { kind: 'bidi', request: json, response: json },
})

function microwire(port: number, cert: string | undefined): HostileClient {
  const tls = cert === undefined ? {} : { tls: { ca: cert } }
  const make = (protocol: 'grpc' | 'mucp') =>
    createClient({ address: `127.0.0.1:${port}`, protocol, retries: 0, ...tls })
  const clients = { grpc: make('grpc'), mucp: make('mucp') }
  const leaving = new AbortController()
  return {
    async call({ kind, protocol = 'grpc', timeoutMs = TIMEOUT_MS }) {
      const client = clients[protocol]
      const options = { timeoutMs, signal: leaving.signal }
      const target = client.bind(service)
      const text = client.bind(notes)
      if (kind === 'unary') {
        return protocol === 'grpc'
          ? target.echo(MESSAGE.subarray(0, 10), options)
          : text.note({ a: 1 }, options)
      }
      if (kind === 'upload') return target.upload(messages(), options)
      const stream =
        protocol === 'grpc'
          ? target.download(new Uint8Array(0), options)
          : text.chat([{ a: 1 }], options)
      if (kind === 'read') {
        for await (const _each of stream);
        return undefined
      }
      await stream.next()
      await aborted(leaving.signal, timeoutMs)
      return stream.return?.()
    },
    async close() {
      leaving.abort()
      await Promise.all([clients.grpc.close(), clients.mucp.close()])
    },
  }
}

function* messages(): Generator<Uint8Array> {
  for (let i = 0; i < UPLOAD_COUNT; i++) yield Buffer.from(MESSAGE)
}

function aborted(signal: AbortSignal, timeoutMs: number): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, timeoutMs)
    if (signal.aborted) done()
    else signal.addEventListener('abort', done, { once: true })
  })
}

function grpcJs(
  { ChannelCredentials, Client: GrpcJsClient, credentials }: typeof import('@grpc/grpc-js'),
  port: number,
  cert: string | undefined,
): HostileClient {
  const secure =
    cert === undefined
      ? credentials.createInsecure()
      : ChannelCredentials.createSsl(Buffer.from(cert))
  const client = new GrpcJsClient(`localhost:${port}`, secure)
  const same = (value: Buffer): Buffer => value
  return {
    call({ kind, timeoutMs = TIMEOUT_MS }) {
      const deadline = Date.now() + timeoutMs
      return new Promise<void>(resolve => {
        const path = '/attack.Target/Echo'
        const done = (): void => resolve()
        if (kind === 'unary') {
          client.makeUnaryRequest(path, same, same, MESSAGE.subarray(0, 10), { deadline }, done)
        } else if (kind === 'upload') {
          const call = client.makeClientStreamRequest(path, same, same, { deadline }, done)
          for (const each of messages()) call.write(each as Buffer)
          call.end()
        } else {
          const call = client.makeServerStreamRequest(path, same, same, Buffer.alloc(0), {
            deadline,
          })
          call.on('error', done).on('status', done)
          if (kind === 'read') call.resume()
          else call.once('data', () => call.pause())
        }
      })
    },
    async close() {
      client.close()
    },
  }
}

function nodeHttp2(port: number, cert: string | undefined): HostileClient {
  const url = cert === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
  const session = http2.connect(url, cert === undefined ? {} : { ca: cert })
  session.on('error', () => {})
  return {
    call({ kind, timeoutMs = TIMEOUT_MS }) {
      return new Promise<void>(resolve => {
        if (session.closed || session.destroyed) return resolve()
        const stream = session.request({
          ':method': 'POST',
          ':path': '/attack.Target/Echo',
          'content-type': 'application/grpc',
        })
        stream.on('error', () => {}).on('close', resolve)
        setTimeout(() => stream.close(8), timeoutMs).unref()
        if (kind !== 'unread') stream.resume()
        if (kind !== 'upload') stream.end(Buffer.alloc(5))
        else for (const each of messages()) stream.write(each)
      })
    },
    async close() {
      session.destroy()
    },
  }
}

type MakeClient = (port: number, cert: string | undefined) => HostileClient

/** By peer. */
export async function hostileClient(peer: string): Promise<MakeClient | undefined> {
  if (peer === 'microwire') return microwire
  if (peer === 'node-http2') return nodeHttp2
  if (peer !== 'grpc-js') return undefined
  const grpc = await import('@grpc/grpc-js')
  return (port, cert) => grpcJs(grpc, port, cert)
}
