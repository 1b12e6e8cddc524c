import type { HeaderBlock, HeaderList, Stream } from '../../connection/index.js'
import type { CallBatch } from '../message/call-batch.js'
import type { InboxOwner } from '../message/inbox-options.js'
import { MessageInbox } from '../message/message-inbox.js'
import { isBase64 } from '../wire/base64.js'
import { acceptsEncoding, type Compression } from '../wire/compression.js'
import { grpcSubtype, plainSubtype, responseHeaders } from '../wire/content-type.js'
import { isBinaryName, isReservedName } from '../wire/metadata.js'
import { type Codec, hasOneRequest, hasOneResponse, type Method } from '../wire/method.js'
import { encodeStatusMessage } from '../wire/percent-encoding.js'
import { Status } from '../wire/status.js'
import { parseMicroTimeout, parseTimeout } from '../wire/timeout.js'
import type { CallSettings } from './call-options.js'
import type { Router } from './router.js'
import type { Route } from './server-call.js'

/** A request that gets an answer and no call: headers of the one HEADERS frame that says so. */
export interface Refusal {
  /** Long-lived. */
  readonly headers: HeaderList
  readonly extra: HeaderList
}

/** All that a call needs of its header block; kept in `HeaderBlock.cache`, so that a block that comes again costs nothing. */
export interface RequestHead {
  readonly route: Route
  readonly path: string
  /** `:authority`, else `host` in its place (gRFC A41). */
  readonly authority: string
  readonly subtype: string
  readonly oneRequest: boolean
  readonly oneResponse: boolean
  readonly requestCodec: Codec
  readonly responseCodec: Codec
  /** Unit: ms. Infinity if there is none. */
  readonly timeoutMs: number
  /** Whether the client may wait for responses without having half-closed: go-micro's does. */
  readonly leavesOpen: boolean
  /** The `grpc-encoding`; '' for none and for identity. */
  readonly encoding: string
  /** What undoes `encoding`; undefined when there is none. */
  readonly decompression: Compression | undefined
  /** For responses: ours, if the client accepts it. */
  readonly compression: Compression | undefined
  /** The `grpc-accept-encoding`. */
  readonly accepts: string
  /** The subtype as the client spelled it: '' for none. */
  readonly contentSubtype: string
  /** Headers of a response. Long-lived. */
  readonly responseHeaders: HeaderList
  /** Headers of a response that is only a status. Long-lived. */
  readonly statusHeaders: HeaderList
  readonly list: HeaderList
}

/** What is kept in `HeaderBlock.cache`, and for which state of which router it holds. */
interface CachedHead {
  readonly reader: RequestReader
  readonly revision: number
  readonly outcome: RequestHead | Refusal
}

/** Tells the two outcomes of a request apart. */
export function isRefusal(outcome: RequestHead | Refusal): outcome is Refusal {
  return 'extra' in outcome
}

/** HTTP statuses for what is no gRPC request at all. */
const HTTP_METHOD_HEADERS: HeaderList = [
  ':status',
  '405',
  'allow',
  'POST',
  'content-type',
  'application/grpc',
]
const HTTP_MEDIA_HEADERS: HeaderList = [':status', '415', 'content-type', 'application/grpc']
const HTTP_SIZE_HEADERS: HeaderList = [':status', '431', 'content-type', 'application/grpc']

/** Where the values of one block are collected; one for each reader, since blocks are read one at a time. */
class RequestFields {
  method = ''
  path = ''
  authority = ''
  host = ''
  contentType = ''
  timeout = ''
  hasTimeout = false
  microTimeout = ''
  encoding = ''
  acceptEncoding = ''
  badBinary = ''
  /** `x-content-type`, which go-micro's clients send; '' for none. */
  microContentType = ''

  read(list: HeaderList): void {
    this.method = ''
    this.path = ''
    this.authority = ''
    this.host = ''
    this.contentType = ''
    this.timeout = ''
    this.hasTimeout = false
    this.microTimeout = ''
    this.encoding = ''
    this.acceptEncoding = ''
    this.badBinary = ''
    this.microContentType = ''
    for (let index = 0; index < list.length; index += 2) this.#field(list[index]!, list[index + 1]!)
  }

  #field(name: string, value: string): void {
    switch (name) {
      case ':method':
        this.method = value
        break
      case ':path':
        this.path = value
        break
      case ':authority':
        this.authority = value
        break
      case 'host':
        this.host = value
        break
      case 'content-type':
        this.contentType = value
        break
      case 'grpc-timeout':
        this.timeout = value
        this.hasTimeout = true
        break
      case 'timeout':
        this.microTimeout = value
        break
      case 'grpc-encoding':
        this.encoding = value
        break
      case 'grpc-accept-encoding':
        this.acceptEncoding = this.acceptEncoding === '' ? value : `${this.acceptEncoding},${value}`
        break
      case 'x-content-type':
        this.microContentType = value
        break
      default:
        if (isBinaryName(name) && !isReservedName(name) && !isBinaryValue(value)) {
          this.badBinary = name
        }
    }
  }
}

/** Whether `value` is base64, or several of them divided by commas. */
export function isBinaryValue(value: string): boolean {
  if (isBase64(value)) return true
  for (const part of value.split(',')) if (!isBase64(part.trim())) return false
  return true
}

/** Turns header blocks into calls or refusals. One for each connection. */
export class RequestReader {
  readonly #router: Router
  readonly #settings: CallSettings
  readonly #fields = new RequestFields()

  constructor(router: Router, settings: CallSettings) {
    this.#router = router
    this.#settings = settings
  }

  /** What becomes of the request in `block`. */
  read(block: HeaderBlock): RequestHead | Refusal {
    const cached = block.cache as CachedHead | undefined
    const revision = this.#router.revision
    if (cached !== undefined && cached.reader === this && cached.revision === revision) {
      return cached.outcome
    }
    this.#fields.read(block.list)
    const outcome = this.#judge(block)
    const head: CachedHead = { reader: this, revision, outcome }
    block.cache = head
    return outcome
  }

  #judge(block: HeaderBlock): RequestHead | Refusal {
    const fields = this.#fields
    if (fields.method !== 'POST') {
      const text = `HTTP method is ${fields.method}; gRPC uses POST`
      return this.#refuse(HTTP_METHOD_HEADERS, Status.Internal, text)
    }
    const subtype = grpcSubtype(fields.contentType)
    if (subtype === undefined) {
      const text = `content-type is "${fields.contentType}"; expected application/grpc`
      return this.#refuse(HTTP_MEDIA_HEADERS, Status.Internal, text)
    }
    const sizeMax = this.#settings.limits.metadataSizeMax
    if (block.size > sizeMax) {
      const text = `received metadata larger than max (${block.size} vs. ${sizeMax}): limits.metadataSizeMax of calls`
      return this.#refuse(HTTP_SIZE_HEADERS, Status.ResourceExhausted, text)
    }
    const route = this.#router.get(fields.path)
    if (route === undefined) {
      const text = this.#router.explain(fields.path)
      return this.#refuse(responseHeaders('', ''), Status.Unimplemented, text)
    }
    return this.#accept(block.list, route, subtype)
  }

  #accept(list: HeaderList, route: Route, subtype: string): RequestHead | Refusal {
    const fields = this.#fields
    const { method } = route
    const codecName = subtype === '' ? plainSubtype(fields.microContentType) : subtype
    const requestCodec = method.request.get(codecName)
    const responseCodec = method.response.get(codecName)
    if (requestCodec === undefined || responseCodec === undefined) {
      const text = `no codec for content-type "${fields.contentType}"`
      return this.#refuse(responseHeaders('', ''), Status.Unimplemented, text)
    }
    const timeoutMs = this.#timeoutMs(method.kind)
    if (timeoutMs < 0) {
      const text = `malformed grpc-timeout: "${fields.timeout}"`
      return this.#refuse(responseHeaders(subtype, ''), Status.Internal, text)
    }
    if (timeoutMs === 0) {
      const text = 'deadline exceeded before the call arrived'
      return this.#refuse(responseHeaders(subtype, ''), Status.DeadlineExceeded, text)
    }
    if (fields.badBinary !== '') {
      const text = `metadata "${fields.badBinary}" is not base64`
      return this.#refuse(responseHeaders(subtype, ''), Status.Internal, text)
    }
    const encoding = fields.encoding === 'identity' ? '' : fields.encoding
    const decompression = this.#settings.compressions.get(encoding)
    if (encoding !== '' && decompression === undefined) {
      return this.#refuseEncoding(responseHeaders(subtype, ''), encoding)
    }
    const compression = this.#compression()
    return {
      route,
      path: fields.path,
      // Where both are there, the connection has made sure that they do not disagree.
      authority: fields.authority === '' ? fields.host : fields.authority,
      subtype: codecName,
      oneRequest: hasOneRequest(method.kind),
      oneResponse: hasOneResponse(method.kind),
      requestCodec,
      responseCodec,
      timeoutMs,
      leavesOpen: fields.microContentType !== '',
      encoding,
      decompression,
      compression,
      accepts: fields.acceptEncoding,
      contentSubtype: subtype,
      responseHeaders: responseHeaders(subtype, compression === undefined ? '' : compression.name),
      statusHeaders: responseHeaders(subtype, ''),
      list,
    }
  }

  /** The smallest of gRPC's timeout, go-micro's and our own limit; -1 when gRPC's is malformed. go-micro ignores a malformed one of its own. */
  #timeoutMs(kind: Method['kind']): number {
    const fields = this.#fields
    // A stream may well go on for days.
    const mostMs = kind === 'unary' ? this.#settings.limits.timeoutMaxMs : Number.POSITIVE_INFINITY
    const asked = fields.hasTimeout ? parseTimeout(fields.timeout) : Number.POSITIVE_INFINITY
    const timeoutMs = Math.min(asked, mostMs)
    if (fields.microTimeout === '') return timeoutMs
    const microTimeoutMs = parseMicroTimeout(fields.microTimeout)
    // Zero is how a Go caller without a limit reads, not a limit of nothing.
    return microTimeoutMs > 0 ? Math.min(timeoutMs, microTimeoutMs) : timeoutMs
  }

  #compression(): Compression | undefined {
    const { compression } = this.#settings
    if (compression === undefined) return undefined
    return acceptsEncoding(this.#fields.acceptEncoding, compression.name) ? compression : undefined
  }

  /** compression.md: the answer to an encoding we do not know names the ones we do. */
  #refuseEncoding(headers: HeaderList, encoding: string): Refusal {
    const text = `grpc-encoding "${encoding}" is not supported`
    const { extra } = this.#refuse(headers, Status.Unimplemented, text)
    return { headers, extra: [...extra, 'grpc-accept-encoding', this.#settings.acceptEncoding] }
  }

  #refuse(headers: HeaderList, status: Status, text: string): Refusal {
    const message = encodeStatusMessage(text, this.#settings.limits.sendStatusMessageSizeMax)
    return { headers, extra: ['grpc-status', String(status), 'grpc-message', message] }
  }
}

/** For the messages of a request. */
export function newRequestInbox(
  stream: Stream,
  head: RequestHead,
  settings: CallSettings,
  owner: InboxOwner,
  batch: CallBatch,
  isWanted: boolean,
): MessageInbox {
  const { requestCodec: codec, encoding, decompression } = head
  const { limits } = settings
  const message = { codec, encoding, decompression, limits }
  const options = { ...message, owner, batch, keepsRoom: head.oneRequest }
  return new MessageInbox(stream, options, isWanted)
}
