/** Types of RFC 1035, 2782 and 3596 that services are found with. */
export const RecordType = { A: 1, Ptr: 12, Txt: 16, Aaaa: 28, Srv: 33 } as const

const CLASS_IN = 1
/** A cache-flush or unicast-response bit is in the class, RFC 6762 §10.2 and §5.4. */
const CLASS_MASK = 0x7fff
/** RFC 1035 §2.3.4. Unit: octets. */
const LABEL_SIZE_MAX = 63
const NAME_SIZE_MAX = 255
/** Pointers that one name may follow. Reason: they can point in circles. */
const POINTERS_MAX = 16
/** Records and questions of one message that are read. Reason: anybody on the link can send. */
const ENTRIES_MAX = 256

export interface Question {
  readonly name: string
  readonly type: number
}

/** One record; what its type has not is absent. */
export interface DnsRecord {
  readonly name: string
  readonly type: number
  /** Unit: s. */
  readonly ttl: number
  /** PTR, SRV: a name. */
  readonly target?: string
  /** SRV. */
  readonly port?: number
  /** TXT. */
  readonly texts?: readonly string[]
  /** A, AAAA. */
  readonly address?: string
}

export interface DnsMessage {
  readonly id: number
  readonly isResponse: boolean
  readonly questions: readonly Question[]
  readonly records: readonly DnsRecord[]
}

/** @throws RangeError for a name whose labels do not fit */
export function encodeMessage(message: DnsMessage): Buffer {
  const { id, isResponse, questions, records } = message
  const head = Buffer.alloc(12)
  head.writeUInt16BE(id, 0)
  // Authoritative, as every multicast answer, RFC 6762 §18.4.
  head.writeUInt16BE(isResponse ? 0x8400 : 0, 2)
  head.writeUInt16BE(questions.length, 4)
  head.writeUInt16BE(records.length, 6)
  const parts: Buffer[] = [head]
  for (const { name, type } of questions) parts.push(nameOctets(name), u16(type), u16(CLASS_IN))
  for (const record of records) {
    const data = dataOf(record)
    const ttl = Buffer.alloc(4)
    ttl.writeUInt32BE(record.ttl)
    parts.push(
      nameOctets(record.name),
      u16(record.type),
      u16(CLASS_IN),
      ttl,
      u16(data.length),
      data,
    )
  }
  return Buffer.concat(parts)
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** A name in labels. A dot makes a label, as for Go. */
export function nameOctets(name: string): Buffer {
  const parts: Buffer[] = []
  for (const label of name.replace(/\.$/, '').split('.')) {
    const octets = Buffer.from(label)
    if (octets.length === 0 || octets.length > LABEL_SIZE_MAX) {
      throw new RangeError(
        `the part '${label.slice(0, 20)}' of a name has ${octets.length} octets; mDNS takes 1 to ${LABEL_SIZE_MAX}`,
      )
    }
    parts.push(Buffer.from([octets.length]), octets)
  }
  const all = Buffer.concat([...parts, Buffer.from([0])])
  if (all.length > NAME_SIZE_MAX) {
    throw new RangeError(`a name has ${all.length} octets; mDNS takes ${NAME_SIZE_MAX}`)
  }
  return all
}

function dataOf({ type, target = '', port = 0, texts = [], address = '' }: DnsRecord): Buffer {
  switch (type) {
    case RecordType.Ptr:
      return nameOctets(target)
    case RecordType.Srv:
      // Priority 10, weight 1: what Go writes.
      return Buffer.concat([u16(10), u16(1), u16(port), nameOctets(target)])
    case RecordType.Txt:
      return Buffer.concat(
        texts.flatMap(text => [Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]),
      )
    default:
      return addressOctets(address)
  }
}

function addressOctets(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const words = (text: string | undefined) => (text ? text.split(':') : [])
  const [front, back] = [words(head), words(tail)]
  const zeros: string[] = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return Buffer.concat([...front, ...zeros, ...back].map(word => u16(Number.parseInt(word, 16))))
}

/** @throws RangeError for what is no message of DNS */
export function decodeMessage(bytes: Buffer): DnsMessage {
  const reader = new Reader(bytes)
  const id = reader.u16()
  const flags = reader.u16()
  const [questionCount, ...counts] = [reader.u16(), reader.u16(), reader.u16(), reader.u16()]
  const recordCount = counts.reduce((sum, count) => sum + count, 0)
  if (questionCount! + recordCount > ENTRIES_MAX) {
    throw new RangeError(`${questionCount! + recordCount} entries; ${ENTRIES_MAX} are read`)
  }
  const questions: Question[] = []
  for (let index = 0; index < questionCount!; index++) {
    const name = reader.name()
    const type = reader.u16()
    reader.u16()
    questions.push({ name, type })
  }
  const records: DnsRecord[] = []
  for (let index = 0; index < recordCount; index++) {
    const record = reader.record()
    if (record !== undefined) records.push(record)
  }
  return { id, isResponse: (flags & 0x8000) !== 0, questions, records }
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u16(): number {
    this.#need(2)
    this.#at += 2
    return this.#bytes.readUInt16BE(this.#at - 2)
  }

  u32(): number {
    this.#need(4)
    this.#at += 4
    return this.#bytes.readUInt32BE(this.#at - 4)
  }

  /** A name with its last dot. */
  name(): string {
    const labels: string[] = []
    let at = this.#at
    let end: number | undefined
    for (let pointers = 0; ; ) {
      const size = this.#bytes[at]
      if (size === undefined) throw new RangeError('a name is cut short')
      if (size >= 0xc0) {
        if (++pointers > POINTERS_MAX) throw new RangeError('the pointers of a name go in circles')
        end ??= at + 2
        at = ((size & 0x3f) << 8) | (this.#bytes[at + 1] ?? 0)
        continue
      }
      at++
      if (size === 0) break
      if (size > LABEL_SIZE_MAX || at + size > this.#bytes.length || labels.length > 127) {
        throw new RangeError('a name is cut short')
      }
      labels.push(this.#bytes.toString('utf8', at, at + size))
      at += size
    }
    this.#at = end ?? at
    return `${labels.join('.')}.`
  }

  /** Undefined: of a type or class that is not ours. */
  record(): DnsRecord | undefined {
    const name = this.name()
    const type = this.u16()
    const isInternet = (this.u16() & CLASS_MASK) === CLASS_IN
    const ttl = this.u32()
    const size = this.u16()
    this.#need(size)
    const [start, end] = [this.#at, this.#at + size]
    const data = isInternet ? this.#data(type, start, end) : undefined
    this.#at = end
    return data === undefined ? undefined : { name, type, ttl, ...data }
  }

  #data(type: number, start: number, end: number): Partial<DnsRecord> | undefined {
    switch (type) {
      case RecordType.Ptr:
        return { target: this.name() }
      case RecordType.Srv: {
        this.u32()
        const port = this.u16()
        return { port, target: this.name() }
      }
      case RecordType.Txt:
        return { texts: textsOf(this.#bytes, start, end) }
      case RecordType.A:
        return end - start === 4
          ? { address: this.#bytes.subarray(start, end).join('.') }
          : undefined
      case RecordType.Aaaa:
        return end - start === 16 ? { address: addressV6(this.#bytes, start) } : undefined
      default:
        return undefined
    }
  }

  #need(size: number): void {
    if (this.#at + size > this.#bytes.length) throw new RangeError('the message is cut short')
  }
}

function textsOf(bytes: Buffer, start: number, end: number): string[] {
  const texts: string[] = []
  for (let at = start; at < end; ) {
    const size = bytes[at]!
    texts.push(bytes.toString('latin1', at + 1, Math.min(end, at + 1 + size)))
    at += 1 + size
  }
  return texts
}

/** The longest run of two zeros or more is `::`, RFC 5952 §4.2. */
function addressV6(bytes: Buffer, start: number): string {
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(start + index * 2))
  let longest = { from: 0, size: 1 }
  for (let from = 0; from < 8; from++) {
    const end = words.findIndex((word, index) => index >= from && word !== 0)
    const size = (end < 0 ? 8 : end) - from
    if (size > longest.size) longest = { from, size }
  }
  const texts = (some: readonly number[]) => some.map(word => word.toString(16)).join(':')
  const { from, size } = longest
  if (size < 2) return texts(words)
  return `${texts(words.slice(0, from))}::${texts(words.slice(from + size))}`
}
