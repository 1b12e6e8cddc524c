const NEWLINE = 0x0a
const EMPTY_OBJECT: Uint8Array = Buffer.from('{}\n')

/** Go writes one JSON value and a newline, and takes an empty body for an error. */
export function endLine(json: Uint8Array): Uint8Array {
  if (json.length === 0) return EMPTY_OBJECT
  const line = Buffer.allocUnsafe(json.length + 1)
  line.set(json)
  line[json.length] = NEWLINE
  return line
}

/** The pseudo-headers that go-micro's `codec/grpc` writes into a request's header. */
export function setGrpcRequestHeaders(
  header: Map<string, string>,
  service: string,
  endpoint: string,
  contentType: string,
): void {
  header.set(':method', 'POST')
  header.set(':path', `/${service}.${endpoint.replace('.', '/')}`)
  header.set(':proto', 'HTTP/2.0')
  header.set(':authority', service)
  header.set('te', 'trailers')
  header.set('user-agent', 'grpc-go/1.0.0')
  header.set('content-type', contentType)
}

/** The whole text is in `Micro-Error`, and may be what the caller sent: once is enough. Unit: characters. */
const GRPC_MESSAGE_SIZE_MAX = 1_024

/** The pseudo-headers that go-micro's `codec/grpc` writes into a reply's header. */
export function setGrpcReplyHeaders(header: Map<string, string>, error: string): void {
  header.set(':status', '200')
  header.set('Trailer', error === '' ? 'grpc-status' : 'grpc-status, grpc-message')
  header.set('grpc-status', error === '' ? '0' : '13')
  if (error !== '') header.set('grpc-message', error.slice(0, GRPC_MESSAGE_SIZE_MAX))
}
