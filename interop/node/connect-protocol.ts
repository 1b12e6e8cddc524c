import protobuf from 'protobufjs'
import {
  GrpcError,
  loadService,
  Metadata,
  type MethodTypes,
  type Service,
} from '../../src/index.js'

/**
 * What both adapters of the connect conformance suite share. Its schema is read at run time from
 * the folder that MICROWIRE_CONFORMANCE_PROTO names: the suite's module in Go's module cache.
 */
const FOLDER = process.env['MICROWIRE_CONFORMANCE_PROTO'] ?? ''
const PACKAGE = 'connectrpc.conformance.v1'
const file = (name: string) => `${FOLDER}/connectrpc/conformance/v1/${name}.proto`

export interface Header {
  readonly name: string
  readonly value: readonly string[]
}

/** A message within a message. */
export interface Any {
  readonly type_url: string
  readonly value: Uint8Array
}

export interface ConformanceError {
  readonly code: number
  readonly message?: string
  readonly details: readonly Any[]
}

/** UnaryResponseDefinition and StreamResponseDefinition in one: each has its own of the fields. */
export interface ResponseDefinition {
  readonly responseHeaders: readonly Header[]
  readonly responseTrailers: readonly Header[]
  readonly responseDelayMs: number
  readonly responseData?: Buffer | readonly Buffer[]
  readonly error?: ConformanceError | null
}

export interface Request {
  readonly responseDefinition?: ResponseDefinition | null
  readonly fullDuplex?: boolean
}

export interface Response {
  readonly payload: object | null
}

/** connectrpc.conformance.v1.ConformanceService. */
export interface ConformanceService {
  unary: MethodTypes<'unary', Request, Response>
  serverStream: MethodTypes<'server', Request, Response>
  clientStream: MethodTypes<'client', Request, Response>
  bidiStream: MethodTypes<'bidi', Request, Response>
  unimplemented: MethodTypes<'unary', Request, Response>
  idempotentUnary: MethodTypes<'unary', Request, Response>
}

export function loadConformanceService(): Promise<Service<ConformanceService>> {
  return loadService<ConformanceService>(file('service'), `${PACKAGE}.ConformanceService`, {
    includeDirs: [FOLDER],
    // Their messages say `type_url`.
    wellKnownTypes: 'raw',
  })
}

/** The suite's own messages, by their short names. */
export async function loadMessages(): Promise<(name: string) => protobuf.Type> {
  const root = new protobuf.Root()
  root.resolvePath = (_origin, target) => (target.startsWith('/') ? target : `${FOLDER}/${target}`)
  await root.load([file('client_compat'), file('server_compat')])
  root.add(new protobuf.Namespace('microwire').add(statusType()))
  root.resolveAll()
  return name => root.lookupType(name === 'Status' ? 'microwire.Status' : `${PACKAGE}.${name}`)
}

/** google.rpc.Status, which the schema does not bring along. */
function statusType(): protobuf.Type {
  return new protobuf.Type('Status')
    .add(new protobuf.Field('code', 1, 'int32'))
    .add(new protobuf.Field('message', 2, 'string'))
    .add(new protobuf.Field('details', 3, 'google.protobuf.Any', 'repeated'))
}

/** Messages of standard input: four octets of length, then the message. */
export async function* readMessages(): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of process.stdin) {
    held = Buffer.concat([held, chunk as Buffer])
    while (held.length >= 4) {
      const end = 4 + held.readUInt32BE(0)
      if (held.length < end) break
      yield held.subarray(4, end)
      held = held.subarray(end)
    }
  }
}

export function writeMessage(message: Uint8Array): void {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(message.length)
  process.stdout.write(Buffer.concat([prefix, message]))
}

/** Adds headers as the suite gives them: binary values are base64 there. */
export function addHeaders(target: Metadata, headers: readonly Header[] | undefined): void {
  for (const { name, value } of headers ?? []) {
    for (const text of value) {
      if (name.toLowerCase().endsWith('-bin'))
        target.appendBinary(name, Buffer.from(text, 'base64'))
      else target.append(name, text)
    }
  }
}

/** Metadata as the suite wants it: one entry for each name. */
export function headersOf(metadata: Metadata | undefined): Header[] {
  const names = new Map<string, string[]>()
  for (const [name, value] of metadata ?? []) {
    const values = names.get(name)
    if (values === undefined) names.set(name, [value])
    else values.push(value)
  }
  return Array.from(names, ([name, value]) => ({ name, value }))
}

const DETAILS = 'grpc-status-details-bin'

/** The error the suite asked for, with `trailers` and the details as gRPC carries them. */
export function errorFrom(
  error: ConformanceError,
  details: readonly Any[],
  trailers: readonly Header[],
  status: protobuf.Type,
): GrpcError {
  const metadata = new Metadata()
  addHeaders(metadata, trailers)
  const { code, message = '' } = error
  if (details.length > 0) {
    metadata.setBinary(
      DETAILS,
      status.encode(status.fromObject({ code, message, details })).finish(),
    )
  }
  return new GrpcError(code as GrpcError['status'], message, { metadata })
}

/** An error as the suite wants to hear of it. */
export function errorTo(error: unknown, status: protobuf.Type): object {
  if (!(error instanceof GrpcError)) throw error
  const bytes = error.metadata.getBinary(DETAILS)
  const details = bytes === undefined ? [] : status.toObject(status.decode(bytes))['details']
  return { code: error.status, message: error.message, details: details ?? [] }
}
