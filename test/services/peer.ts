import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync, type Options } from '@grpc/proto-loader'
import type { Test } from 'tap'
import { createServer, loadService, type Server, type ServerOptions } from '../../src/index.js'

export const FIXTURES = 'test/services/fixtures'

const LOADING: Options = { keepCase: true, enums: String, defaults: true, oneofs: true }

/** A client of grpc-js for a service of `fixtures/<file>`; closed after the test. */
export function peerClient(t: Test, file: string, name: string, address: string): PeerClient {
  let found: unknown = loadPackageDefinition(loadSync(`${FIXTURES}/${file}`, LOADING))
  for (const part of name.split('.')) found = (found as Record<string, unknown>)[part]
  const client = new (found as ServiceClientConstructor)(address, credentials.createInsecure())
  t.teardown(() => client.close())
  return client as unknown as PeerClient
}

type Reply = Record<string, unknown>
type Callback = (error: ServiceError | null, reply: Reply) => void

export interface PeerClient {
  check(request: object, callback: Callback): void
  list(request: object, callback: Callback): void
  watch(request: object): ClientReadableStream<Reply>
  serverReflectionInfo(): ClientDuplexStream<object, Reply>
}

/** One unary call of a peer. Rejects with grpc-js's error. */
export function call(run: (callback: Callback) => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    run((error, reply) => (error === null ? resolve(reply) : reject(error)))
  })
}

/** Messages of a peer's stream one after the other; its error is thrown where it comes. */
export function messages(stream: ClientReadableStream<Reply>): () => Promise<Reply | undefined> {
  const iterator = stream[Symbol.asyncIterator]()
  return async () => (await iterator.next()).value as Reply | undefined
}

/** A server that serves what `prepare` gives it; stopped after the test. */
export async function started(
  t: Test,
  prepare: (server: Server) => void | Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<Server> {
  const server = createServer({ name: 'test', ...options })
  await prepare(server)
  await server.start()
  t.teardown(() => server.stop({ graceMs: 0 }))
  return server
}

/** Serves the fixture `rich.v1.Rich`. */
export async function serveRich(server: Server): Promise<void> {
  const files = `${FIXTURES}/rich/v1/rich.proto`
  const service = await loadService(files, 'rich.v1.Rich', { includeDirs: [FIXTURES] })
  server.handle(service, { get: () => ({}), old: () => [] })
}
