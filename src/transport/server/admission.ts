import { isLiteral } from '../runtime/address.js'

/** How many connections a server lets in, TLS handshakes under way among them. */
export class Admission {
  readonly #connectionsMax: number
  readonly #perAddressMax: number
  /** By `groupOf`; only where there is a bound. */
  readonly #groups: Map<string, number> | undefined
  #count = 0

  constructor(connectionsMax: number, perAddressMax: number) {
    this.#connectionsMax = connectionsMax
    this.#perAddressMax = perAddressMax
    if (perAddressMax !== Number.POSITIVE_INFINITY) this.#groups = new Map()
  }

  get count(): number {
    return this.#count
  }

  /** Why one more from there is not let in; undefined: it is. */
  refusal(remoteAddress: string): string | undefined {
    if (this.#count >= this.#connectionsMax) {
      return `refused: ${this.#count} connections are open or shaking hands, as many as connectionsMax allows; raise it, or look for a client that makes a connection for each call`
    }
    if (this.#groups === undefined || remoteAddress === '') return undefined
    const group = groupOf(remoteAddress)
    const count = this.#groups.get(group) ?? 0
    if (count < this.#perAddressMax) return undefined
    return `refused: ${count} connections of ${group} are open or shaking hands, as many as connectionsPerAddressMax allows`
  }

  enter(remoteAddress: string): void {
    this.#count++
    if (this.#groups === undefined || remoteAddress === '') return
    const group = groupOf(remoteAddress)
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1)
  }

  leave(remoteAddress: string): void {
    this.#count--
    if (this.#groups === undefined || remoteAddress === '') return
    const group = groupOf(remoteAddress)
    const count = this.#groups.get(group) ?? 0
    if (count > 1) this.#groups.set(group, count - 1)
    else this.#groups.delete(group)
  }
}

/** What counts as one address: of IPv6 the 64 bits that its owner was given, for the others are his to choose. RFC 6177. */
export function groupOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  if (!address.includes(':') || !isLiteral(address)) return address
  const [left, right] = address.replace(/%.*$/, '').toLowerCase().split('::') as [string, string?]
  const head = left === '' ? [] : left.split(':')
  const tail = right === undefined || right === '' ? [] : right.split(':')
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length
  const parts = [...head, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...tail]
  const prefix = parts.slice(0, 4).map(part => part.replace(/^0+(?=.)/, ''))
  return `${prefix.join(':')}::/64`
}
