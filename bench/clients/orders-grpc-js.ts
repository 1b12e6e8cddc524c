import {
  type Client,
  type ClientWritableStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { readCertificate } from '../certificate.js'
import { answerRunner, type Request } from '../child.js'
import { Path } from '../payload.js'
import { ORDERS_PROTO } from '../real/files.js'
import { orderFields, REQUEST, tokenOf, userOf, type Variety } from '../real/orders.js'
import { closedLoop } from './closed-loop.js'

// Calls of shop.v1.Orders by grpc-js and proto-loader; and bulk, as a real client sends it.

interface OrdersPackage {
  readonly v1: { readonly Orders: ServiceClientConstructor }
}
interface Answer {
  readonly id: string
}
type Done<T> = (error: ServiceError | null, value?: T) => void
type Get = (request: object, metadata: Metadata, options: object, done: Done<Answer>) => void

const { v1 } = loadPackageDefinition(loadSync(ORDERS_PROTO))['shop'] as unknown as OrdersPackage
const same = (bytes: Buffer): Buffer => bytes

let client: Client | undefined
let made = 0

function connect(request: Request): Record<string, number> {
  const security =
    request['tls'] === true
      ? credentials.createSsl(Buffer.from(readCertificate().cert), null, null, {
          checkServerIdentity: () => undefined,
          rejectUnauthorized: false,
        })
      : credentials.createInsecure()
  client = new v1.Orders(`127.0.0.1:${request['port']}`, security, { 'grpc.enable_channelz': 0 })
  return {}
}

function called<T>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value!) : reject(error)))
  })
}

async function get(variety: Variety): Promise<void> {
  const number = made++
  const metadata = new Metadata()
  for (const { name, value } of orderFields(number, variety).slice(1)) {
    if (name !== 'grpc-accept-encoding') metadata.set(name, value)
  }
  metadata.set('authorization', tokenOf(userOf(number, variety)))
  const target = client as unknown as { get: Get }
  const options = { deadline: Date.now() + 5_000 }
  const order = await called<Answer>(done => target.get(REQUEST, metadata, options, done))
  if (order.id !== REQUEST.id) throw new Error('another order')
}

/** Messages up one stream, as fast as the client's queue takes them. */
async function upload(messages: number, size: number): Promise<void> {
  const message = Buffer.alloc(size)
  const answer = await called<Buffer>(done => {
    const call: ClientWritableStream<Buffer> = client!.makeClientStreamRequest(
      Path.upload,
      same,
      same,
      done as (error: ServiceError | null, value?: Buffer) => void,
    )
    let left = messages
    const pump = (): void => {
      while (left > 0) {
        left -= 1
        if (!call.write(message)) {
          call.once('drain', pump)
          return
        }
      }
      call.end()
    }
    pump()
  })
  const expected = BigInt(messages) * BigInt(size)
  if (answer.readBigUInt64BE() !== expected) throw new Error('octets are missing')
}

async function store(size: number): Promise<void> {
  const answer = await called<Buffer>(done => {
    client!.makeUnaryRequest(Path.store, same, same, Buffer.alloc(size), done)
  })
  if (answer.readBigUInt64BE() !== BigInt(size)) throw new Error('octets are missing')
}

const seconds = async (work: Promise<unknown>): Promise<Record<string, number>> => {
  const begin = performance.now()
  await work
  return { seconds: (performance.now() - begin) / 1_000 }
}

answerRunner(
  { ready: 1 },
  {
    connect,
    get: async request => ({
      seconds: await closedLoop(Number(request['calls']), Number(request['inFlight']), () =>
        get(request['variety'] as Variety),
      ),
    }),
    upload: request => seconds(upload(Number(request['messages']), Number(request['size']))),
    store: request =>
      seconds(closedLoop(Number(request['messages']), 1, () => store(Number(request['size'])))),
  },
)
