import type { HeaderBlock, HeaderList } from '../../connection/index.js'
import { isBinaryValue } from '../server/request-head.js'
import { grpcSubtype } from '../wire/content-type.js'
import { isBinaryName, isReservedName } from '../wire/metadata.js'
import { STATUS_MAX } from '../wire/status.js'

/** What `grpc-status` can be besides a status. */
export const StatusField = {
  Missing: -1,
  /** Not a number from 0 to 16 without leading zeros, or there twice. */
  Malformed: -2,
} as const

/** Response headers or trailers, taken apart once; kept in `HeaderBlock.cache`. */
export class ResponseHead {
  readonly list: HeaderList
  /** 0 in trailers. */
  httpStatus: number
  contentType: string
  /** Of the content type; undefined when it is not gRPC. */
  subtype: string | undefined
  /** The `grpc-encoding`; '' for none and for identity. */
  encoding: string
  /** A status or a `StatusField`. */
  status: number
  /** `grpc-status` as it came. */
  statusText: string
  /** `grpc-message` as it came. */
  message: string
  /** A `-bin` name whose value is not base64; '' if there is none. */
  badBinary: string

  constructor(list: HeaderList) {
    this.list = list
    this.httpStatus = 0
    this.contentType = ''
    this.subtype = undefined
    this.encoding = ''
    this.status = StatusField.Missing
    this.statusText = ''
    this.message = ''
    this.badBinary = ''
    for (let index = 0; index < list.length; index += 2) this.#field(list[index]!, list[index + 1]!)
  }

  #field(name: string, value: string): void {
    switch (name) {
      case ':status':
        this.httpStatus = Number(value)
        break
      case 'content-type':
        this.contentType = value
        this.subtype = grpcSubtype(value)
        break
      case 'grpc-encoding':
        this.encoding = value === 'identity' ? '' : value
        break
      case 'grpc-status':
        this.status =
          this.status === StatusField.Missing ? parseStatus(value) : StatusField.Malformed
        this.statusText = value
        break
      case 'grpc-message':
        this.message = value
        break
      default:
        if (isBinaryName(name) && !isReservedName(name) && !isBinaryValue(value)) {
          this.badBinary = name
        }
    }
  }
}

/** The parts of `block`, from its cache if it came before. */
export function readResponseHead(block: HeaderBlock): ResponseHead {
  const { cache } = block
  if (cache instanceof ResponseHead) return cache
  const head = new ResponseHead(block.list)
  block.cache = head
  return head
}

/** A status, or `StatusField.Malformed`. Strict: no signs, spaces or leading zeros. */
export function parseStatus(text: string): number {
  const first = text.charCodeAt(0) - 0x30
  if (text.length === 1 && first >= 0 && first <= 9) return first
  const second = text.charCodeAt(1) - 0x30
  if (text.length !== 2 || first !== 1 || !(second >= 0 && second <= STATUS_MAX - 10)) {
    return StatusField.Malformed
  }
  return 10 + second
}
