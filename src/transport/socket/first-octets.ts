/**
 * Who is at the other end, told from the first octets: a sentence that names
 * the mistake is worth more than PROTOCOL_ERROR.
 */
export const Speaker = {
  /** HTTP/2, or nothing we know: HTTP/2 says what is wrong with it. */
  Http2: 0,
  Http1: 1,
  Tls: 2,
  /** HTML without HTTP around it. */
  Html: 3,
  /** Some other protocol that speaks in lines of text. */
  Text: 4,
  /** Too few octets to tell. */
  Undecided: 5,
} as const
export type Speaker = (typeof Speaker)[keyof typeof Speaker]

/** How every HTTP/2 connection of a client begins. RFC 9113 §3.4. */
const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Octets that tell the preface from `POST`, `PUT`, `PATCH` and `PROPFIND`. */
const PREFACE_SURE = 4

const HTTP1_REQUEST = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) /
const HTTP1_REQUEST_PART = 'GET |HEAD |POST |PUT |DELETE |OPTIONS |PATCH |CONNECT |TRACE '.split(
  '|',
)

/** Who is at the other end of a socket of ours. A client over TLS agreed to the protocol by ALPN. */
export function recognise(role: 'client' | 'server', isTls: boolean, bytes: Buffer): Speaker {
  if (role === 'client') return recogniseServer(bytes)
  return isTls ? Speaker.Http2 : recogniseClient(bytes)
}

/** What a client that connects to our plaintext port speaks. */
export function recogniseClient(bytes: Buffer): Speaker {
  const head = bytes.toString('latin1', 0, 16)
  if (head.length >= PREFACE_SURE && matchesPreface(bytes)) return Speaker.Http2
  if (HTTP1_REQUEST.test(head)) return Speaker.Http1
  if (isTls(bytes)) return Speaker.Tls
  if (head.length < PREFACE_SURE && matchesPreface(bytes)) return Speaker.Undecided
  if (HTTP1_REQUEST_PART.some(start => start.startsWith(head))) return Speaker.Undecided
  if (bytes.length === 1 && bytes[0] === 0x16) return Speaker.Undecided
  return Speaker.Http2
}

/** What the server that we connected to speaks. Its first frame must be SETTINGS. RFC 9113 §3.4. */
export function recogniseServer(bytes: Buffer): Speaker {
  if (bytes.length < 5) return Speaker.Undecided
  const head = bytes.toString('latin1', 0, 5)
  if (head === 'HTTP/') return Speaker.Http1
  if (isTls(bytes)) return Speaker.Tls
  if (head.startsWith('<')) return Speaker.Html
  // As a frame header, four printable octets mean two megabytes of an unknown frame type.
  return isPrintable(bytes.subarray(0, 4)) ? Speaker.Text : Speaker.Http2
}

function matchesPreface(bytes: Buffer): boolean {
  const size = Math.min(bytes.length, PREFACE.length)
  return bytes.compare(PREFACE, 0, size, 0, size) === 0
}

/** A TLS record: handshake or alert, version 3.x. RFC 8446 §5.1. */
function isTls(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes[0] === 0x16 || bytes[0] === 0x15) && bytes[1] === 0x03
}

function isPrintable(bytes: Buffer): boolean {
  return bytes.every(octet => octet >= 0x20 && octet < 0x7f)
}

const PLAIN_TEXT =
  'This port speaks HTTP/2 for gRPC. Use a gRPC client, or HTTP/2 with prior knowledge.\n'

/**
 * What an HTTP/1.x request gets. Constant: it reflects nothing of the request,
 * so there is nothing to exploit.
 */
export const HTTP1_ANSWER: Buffer = Buffer.from(
  'HTTP/1.1 400 Bad Request\r\n' +
    'Content-Type: text/plain; charset=utf-8\r\n' +
    `Content-Length: ${PLAIN_TEXT.length}\r\n` +
    'Connection: close\r\n\r\n' +
    PLAIN_TEXT,
  'latin1',
)

/** What is wrong, as the end of a sentence that starts with the client's address. */
export function clientMistake(speaker: Speaker): string {
  return speaker === Speaker.Tls
    ? 'the client speaks TLS, but this port is plain text; give the server `tls`, or the client plain text'
    : 'the client speaks HTTP/1.x; this port takes HTTP/2 (gRPC) only'
}

/** What is wrong, as the end of a sentence that starts with the server's address. */
export function serverMistake(speaker: Speaker): string {
  switch (speaker) {
    case Speaker.Http1:
      return 'the server answered in HTTP/1.x, not HTTP/2; is this a web server or proxy? Try the gRPC port'
    case Speaker.Tls:
      return 'the server answered with TLS; connect with `tls`'
    case Speaker.Html:
      return 'the server answered with HTML, not HTTP/2; is this a web server? Try the gRPC port'
    default:
      return 'the server answered with text, not HTTP/2; another protocol listens at this port'
  }
}
