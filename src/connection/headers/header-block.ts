import type { ConnectionLimits } from '../core/limits.js'
import type { HeaderBlock } from './header-list.js'
import { FieldClass, PSEUDO_MASK, receivedFault, trimOuterSpace } from './header-rules.js'

/** What a block is in the life of a stream; each has rules of its own. RFC 9113 §8.1. */
export type BlockRole = 'request' | 'response' | 'trailers'

/** RFC 9113 §8.3.1. */
const STAR_PATH_FAULT = ":path is '*', which OPTIONS alone may have"

/** Names and values in a list that is worth a copy without room to grow. */
const TIGHT_LIST_LENGTH = 64

/**
 * One decoded block with what its fields say together. Filled by the decoder
 * field by field; shared by every stream that gets the same octets again.
 */
export class DecodedBlock implements HeaderBlock {
  list: string[] = []
  size = 0
  cache: unknown = undefined
  /** Which pseudo-header fields are there. */
  pseudo = 0
  /** Value of content-length, -1 without. Unit: octets. */
  contentLength = -1
  /** Value of :status, 0 without. */
  status = 0
  /** Why the message is malformed (RFC 9113 §8.1.1), whatever its role. */
  fault: string | undefined = undefined
  /** More fields or octets than we store: the list is cut. */
  oversize = false
  /** Whether it is remembered, and so the same object for all streams that get the same octets. */
  shared = false
  /** Whether some field must not be kept in a memo (RFC 7541 §7.1.3). */
  neverIndexed = false
  #regularSeen = false
  #hasStarPath = false
  #fieldCount = 0
  #cookieAt = -1
  #hostAt = -1
  #teSeen = false

  add(name: string, value: string, fieldClass: number, sizeMax: number, fieldsMax: number): void {
    this.size += name.length + value.length + 32
    // Counted before cookies are joined: crumbs are fields too (CVE-2026-49975).
    if (++this.#fieldCount > fieldsMax || this.size > sizeMax) this.oversize = true
    if (fieldClass === FieldClass.Regular) this.#regularSeen = true
    else if ((fieldClass & FieldClass.Padded) !== 0) {
      this.#addPadded(name, value, fieldClass)
      return
    } else {
      if ((fieldClass & (PSEUDO_MASK | FieldClass.Malformed)) === 0) this.#regularSeen = true
      if (!this.#addSpecial(name, value, fieldClass)) return
    }
    if (!this.oversize) this.list.push(name, value)
  }

  /** All fields are here. A list has room for as many again, which open streams would keep. */
  complete(): void {
    if (this.list.length > TIGHT_LIST_LENGTH) this.list = this.list.slice()
  }

  /** Which limit an oversize block passes, with the numbers. */
  oversizeText(limits: ConnectionLimits): string {
    const { headerFieldsMax, headerListSizeMax } = limits
    return this.size > headerListSizeMax
      ? `received metadata larger than max (${this.size} vs. ${headerListSizeMax}): limits.headerListSizeMax`
      : `received more header fields than max (${this.#fieldCount} vs. ${headerFieldsMax}): limits.headerFieldsMax`
  }

  /** Why the block is malformed as a request, response or trailers; undefined when it is not. RFC 9113 §8.3. */
  faultAs(role: BlockRole): string | undefined {
    if (this.fault !== undefined) return this.fault
    switch (role) {
      case 'trailers':
        return this.pseudo === 0 ? undefined : 'trailers have a pseudo-header field'
      case 'response':
        return this.pseudo === FieldClass.Status
          ? undefined
          : 'a response needs :status and no other pseudo-header field'
      case 'request':
        return this.#requestFault()
    }
  }

  /** The value of a field, or undefined. */
  valueOf(name: string): string | undefined {
    const { list } = this
    for (let i = 0; i < list.length; i += 2) if (list[i] === name) return list[i + 1]
    return undefined
  }

  #requestFault(): string | undefined {
    const { Method, Scheme, Authority, Path, Status, Protocol } = FieldClass
    const { pseudo } = this
    if ((pseudo & Status) !== 0) return 'a request has :status'
    if ((pseudo & Protocol) !== 0) return ':protocol was not offered (RFC 8441 §3)'
    if ((pseudo & (Scheme | Path)) !== (Scheme | Path) && this.valueOf(':method') === 'CONNECT') {
      return pseudo === (Method | Authority)
        ? undefined
        : 'CONNECT needs :method and :authority only'
    }
    if (this.valueOf(':method') === 'CONNECT') return 'CONNECT has :scheme or :path'
    if ((pseudo & (Method | Scheme | Path)) !== (Method | Scheme | Path)) {
      return 'a request needs :method, :scheme and :path'
    }
    if (this.#hasStarPath && this.valueOf(':method') !== 'OPTIONS') return STAR_PATH_FAULT
    if ((pseudo & Authority) === 0 && this.#hostAt < 0) return 'a request needs :authority or host'
    return undefined
  }

  /** A value with white space around it, which has counted in the size. */
  #addPadded(name: string, value: string, fieldClass: number): void {
    const trimmed = trimOuterSpace(value)
    this.#regularSeen = true
    const isListed = this.#addSpecial(name, trimmed, fieldClass & ~FieldClass.Padded)
    if (isListed && !this.oversize) this.list.push(name, trimmed)
  }

  /** Returns whether the field is to be listed. */
  #addSpecial(name: string, value: string, fieldClass: number): boolean {
    if ((fieldClass & FieldClass.Malformed) !== 0) {
      this.#blame(receivedFault(name, value) ?? `field ${name} is malformed`)
    } else if ((fieldClass & PSEUDO_MASK) !== 0) {
      this.#addPseudo(name, value, fieldClass)
    } else if (fieldClass === FieldClass.ContentLength) {
      const length = Number(value)
      if (this.contentLength >= 0 && this.contentLength !== length) {
        this.#blame(`content-length is ${this.contentLength} and ${length}`)
      }
      this.contentLength = length
    } else if (fieldClass === FieldClass.Host) {
      this.#addHost(value)
    } else if (fieldClass === FieldClass.Te) {
      // Two lists of one value are a list of two (RFC 9110 §5.3), and 'trailers' alone is allowed.
      if (this.#teSeen) this.#blame('te comes twice')
      this.#teSeen = true
    } else if (fieldClass === FieldClass.Cookie && !this.oversize) {
      return this.#addCookie(value)
    }
    return true
  }

  #addPseudo(name: string, value: string, fieldClass: number): void {
    if (this.#regularSeen) this.#blame(`${name} follows a regular field`)
    if ((this.pseudo & fieldClass) !== 0) this.#blame(`${name} comes twice`)
    this.pseudo |= fieldClass
    if (fieldClass === FieldClass.Status) this.status = Number(value)
    else if (fieldClass === FieldClass.Path && value === '*') this.#hasStarPath = true
  }

  /** RFC 9113 §8.3.1: host and :authority must not disagree. */
  #addHost(value: string): void {
    if (this.#hostAt >= 0) this.#blame('host comes twice')
    this.#hostAt = this.list.length
    const authority = this.valueOf(':authority')
    if (authority !== undefined && authority.toLowerCase() !== value.toLowerCase()) {
      this.#blame('host and :authority differ')
    }
  }

  /** RFC 9113 §8.2.3: crumbs are joined for whoever reads them. */
  #addCookie(value: string): boolean {
    if (this.#cookieAt < 0) {
      this.#cookieAt = this.list.length + 1
      return true
    }
    this.list[this.#cookieAt] += `; ${value}`
    return false
  }

  #blame(fault: string): void {
    this.fault ??= fault
  }
}
