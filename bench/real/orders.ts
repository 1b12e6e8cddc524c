import { compress, type Field, hpackJs, TABLE } from '../wire/hpack-js.js'

/** What `shop.v1.Orders` answers; see orders.proto. */
export const OrderPath = {
  get: '/shop.v1.Orders/Get',
  peek: '/shop.v1.Orders/Peek',
  missing: '/shop.v1.Orders/Missing',
} as const

/** The request: 46 octets. */
export const REQUEST = { id: '0b2f7c1e-9d3a-4b7e-8c52-6f1d8e9a4b70', view: 'full' } as const

const LINE_TITLES = ['Analytical engine', 'Punched cards', 'Brass gear'] as const

/** The response, with 64-bit numbers as `whole` makes them: 392 octets. */
export function orderOf<Int64>(whole: (value: number) => Int64): OrderValue<Int64> {
  return {
    id: REQUEST.id,
    createdMs: whole(1_764_500_000_000),
    state: 1,
    lines: LINE_TITLES.map((title, index) => ({
      sku: `sku-7-${index}`,
      title,
      quantity: index * 100 + 1,
      price: whole(1_999 + index),
      tags: { colour: 'brass', size: `${index} in` },
    })),
    address: { street: '12 St James Square', city: 'London', zip: 'SW1Y 4JH', country: 'GB' },
    labels: { channel: 'web', region: 'eu-west-1' },
    total: 31.5,
    note: 'Leave it with the porter, please, or at number 14 after 6 pm.....',
  }
}

/** An order as plain JavaScript has it. */
export interface OrderValue<Int64> {
  readonly id: string
  readonly createdMs: Int64
  readonly state: 1
  readonly lines: readonly LineValue<Int64>[]
  readonly address: {
    readonly street: string
    readonly city: string
    readonly zip: string
    readonly country: string
  }
  readonly labels: Readonly<Record<string, string>>
  readonly total: number
  readonly note: string
}

interface LineValue<Int64> {
  readonly sku: string
  readonly title: string
  readonly quantity: number
  readonly price: Int64
  readonly tags: Readonly<Record<string, string>>
}

/** Octets of the encoded response; every peer's has as many. */
export const ORDER_SIZE = 392

/** A bearer token as a provider of identities makes them. */
export const TOKEN_SIZE = 600

const BASE64_URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The token of a user, always the same for the same one. */
export function tokenOf(user: number): string {
  let state = user + 1
  let text = 'Bearer eyJhbGciOiJSUzI1NiJ9.'
  while (text.length < TOKEN_SIZE) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    text += BASE64_URL[state >>> 26]!
  }
  return text
}

/** Entries of metadata beside the call's own, and those of them that no two calls share. */
export const MANY_FIELDS = { all: 60, varying: 10 } as const

/** What the calls of a load differ in. */
export type Variety = 'alike' | 'varying' | 'many fields'

/** Users whose tokens come in turn where calls vary. */
const USERS = 8

/** The names that go with a call: a token, a timeout, a trace id and what clients say of themselves. */
export function orderFields(call: number, variety: Variety): readonly Field[] {
  const varies = variety !== 'alike'
  const trace = scrambled(varies ? call : 0)
  const fields = [
    { name: 'grpc-timeout', value: varies ? `${4_999_999 - call}u` : '5S' },
    { name: 'traceparent', value: `00-${trace}${trace}-${trace}-01` },
    { name: 'x-request-id', value: `${trace}-${varies ? call : 0}` },
    { name: 'x-tenant', value: 'acme-industries' },
    { name: 'accept-language', value: 'en-GB,en;q=0.8' },
    { name: 'grpc-accept-encoding', value: 'identity,deflate,gzip' },
  ]
  return variety === 'many fields' ? [...fields, ...manyFields(call)] : fields
}

function manyFields(call: number): Field[] {
  return Array.from({ length: MANY_FIELDS.all }, (_, index) => ({
    name: `x-field-${index}`,
    value: index < MANY_FIELDS.varying ? scrambled(call * 64 + index) : `value-of-field-${index}`,
  }))
}

/** The user of a call. */
export function userOf(call: number, variety: Variety): number {
  return variety === 'alike' ? 0 : call % USERS
}

/** Sixteen hexadecimal digits that look random and depend on `seed` alone. */
export function scrambled(seed: number): string {
  const low = Math.imul(seed + 1, 0x9e37_79b1) >>> 0
  const high = Math.imul(low ^ (low >>> 15), 0x85eb_ca6b) >>> 0
  return low.toString(16).padStart(8, '0') + high.toString(16).padStart(8, '0')
}

const tokenLiterals = new Map<number, Buffer>()

/**
 * `authorization` as nghttp2 and Go send it: with the static table's name, Huffman-coded, and never
 * indexed (RFC 7541 §7.1.3), so it comes whole in each call.
 */
export function tokenLiteral(user: number): Buffer {
  let literal = tokenLiterals.get(user)
  if (literal === undefined) {
    const field = { name: 'x', value: tokenOf(user), neverIndex: true }
    const whole = compress(hpackJs.compressor.create(TABLE), [field])
    // Flags, then the name of one letter: a length and an octet.
    literal = Buffer.concat([Buffer.from([0x1f, 23 - 0x0f]), whole.subarray(3)])
    tokenLiterals.set(user, literal)
  }
  return literal
}
