/** What a proxy may say before the connection is there. Reason: it is kept until its end has come. Unit: octets. */
export const REPLY_SIZE_MAX = 16_384
const REASON_MAX = 100
const END = '\r\n\r\n'
/** RFC 9112 §4. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n/

/** What a proxy said. `rest`: octets behind it, which came from the server. */
export type ConnectReply =
  | { readonly kind: 'open'; readonly rest: Buffer }
  | { readonly kind: 'refused'; readonly status: number; readonly text: string }
  | { readonly kind: 'broken'; readonly text: string }

/** The head of a CONNECT request. RFC 9110 §9.3.6. */
export function connectRequest(target: string, authorization: string | undefined): Buffer {
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`
  return Buffer.from(
    `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${credentials}\r\n`,
    'latin1',
  )
}

/** Reads the answer to a CONNECT request, as it comes. */
export class ConnectReplyReader {
  #head: Buffer = Buffer.alloc(0)

  /** Undefined: there is more to come. `chunk` is borrowed. */
  read(chunk: Buffer): ConnectReply | undefined {
    this.#head = Buffer.concat([this.#head, chunk])
    for (;;) {
      const end = this.#head.indexOf(END)
      if (end < 0 || end > REPLY_SIZE_MAX) return this.#unfinished()
      const text = this.#head.toString('latin1', 0, end + END.length)
      const rest = this.#head.subarray(end + END.length)
      const match = STATUS_LINE.exec(text)
      if (match === null) return { kind: 'broken', text: 'what it answered is no HTTP/1.1' }
      const status = Number(match[1])
      // An interim answer; the real one follows. RFC 9110 §15.2.
      if (status >= 100 && status < 200 && status !== 101) {
        this.#head = rest
        continue
      }
      if (status >= 200 && status < 300) return { kind: 'open', rest }
      return { kind: 'refused', status, text: `${status} ${reasonOf(match[2])}`.trim() }
    }
  }

  #unfinished(): ConnectReply | undefined {
    const size = this.#head.length
    // Whatever else listens there need not be waited for.
    const start = this.#head.toString('latin1', 0, 5)
    if (!'HTTP/'.startsWith(start))
      return { kind: 'broken', text: 'what it answered is no HTTP/1.1' }
    if (size < REPLY_SIZE_MAX) return undefined
    return { kind: 'broken', text: `its answer has no end within ${REPLY_SIZE_MAX} octets` }
  }
}

/** Others wrote it: what is not printable stays out of logs. */
function reasonOf(text = ''): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, REASON_MAX)
}
