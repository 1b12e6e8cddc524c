import {
  ERROR_DEPTH_MAX,
  ERROR_TEXT_SIZE_MAX,
  MicroError,
} from '../src/micro/errors/micro-error.js'
import { OctetSource } from '../src/testing/index.js'
import { invariant } from './invariant.js'

// T15: errors as text. Reading and writing never throw, are bounded, and agree with each other.

const WORDS: readonly string[] = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '"id"',
  '"code"',
  '"detail"',
  '"status"',
  '"x"',
  ':404',
  ':-1',
  ':1e999',
  ':"a"',
  ':null',
  ':true',
  '"\\ud800"',
  '\\u0000',
  '<',
  '>',
  '&',
  '\u2028',
  ' ',
  '__proto__',
  '"toJSON":1',
  '"'.repeat(3),
  '\ud800',
]
const LEAVES: readonly unknown[] = [
  1,
  'x',
  null,
  undefined,
  5n,
  Symbol('x'),
  () => 1,
  Number.NaN,
  '<&>\u2028',
  '\ud800',
  new Date(Number.NaN),
]

/** Octet 0: text to be read, or an error that a handler made. */
export function fuzz(data: Buffer): void {
  const source = new OctetSource(data)
  const error = (source.octet() & 1) === 0 ? MicroError.parse(someText(source)) : someError(source)
  const text = error.encode()
  invariant(
    text.length <= ERROR_TEXT_SIZE_MAX,
    'T15 the text of an error is bounded',
    () => `${text.length}`,
  )
  JSON.parse(text)
  invariant(depthOf(JSON.parse(text), 0) <= ERROR_DEPTH_MAX, 'T15 what is written can be read')
  const read = MicroError.parse(text)
  invariant(
    read.code === error.code,
    'T15 the code comes back',
    () => `${error.code}, ${read.code}`,
  )
  invariant(read.encode().length <= ERROR_TEXT_SIZE_MAX, 'T15 what is read can be written')
  invariant(depthOf(read.extra, 0) <= ERROR_DEPTH_MAX, 'T15 the depth of what is kept is bounded')
  // Text that has been through once stays as it is.
  invariant(
    read.encode() === MicroError.parse(read.encode()).encode(),
    'T15 reading and writing agree',
  )
}

function someText(source: OctetSource): string {
  const how = source.octet() % 4
  if (how === 0) {
    const depth = source.integer(0, 60) * (source.octet() < 16 ? 200 : 1)
    return `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}`
  }
  if (how === 1) return `{"detail":"${source.pick(WORDS).repeat(source.integer(0, 40_000))}"}`
  let text = how === 2 ? '{' : ''
  while (source.left > 0) text += source.pick(WORDS)
  return text
}

function someError(source: OctetSource): MicroError {
  const code = source.integer(0, 999)
  const detail = source.pick(WORDS).repeat(source.octet() * (source.octet() < 30 ? 300 : 1))
  const extra = someValue(source, 0)
  const isObject = typeof extra === 'object' && extra !== null
  return new MicroError(code, detail, {
    id: source.pick(WORDS),
    status: source.pick(WORDS),
    ...(isObject ? { extra: extra as Record<string, unknown> } : {}),
  })
}

/** Whatever a handler puts in: circles, getters and toJSON that throw, depth. */
function someValue(source: OctetSource, depth: number): unknown {
  const how = source.octet() % 8
  if (how < 3 || source.left === 0 || depth > 40) return source.pick(LEAVES)
  const value: Record<string, unknown> = how === 3 ? ([] as unknown as Record<string, unknown>) : {}
  if (how === 4) value['self'] = value
  if (how === 5) Object.defineProperty(value, 'bad', { enumerable: true, get: thrown })
  if (how === 6) value['toJSON'] = thrown
  if (how === 7) {
    let deep: unknown = 1
    for (let level = source.integer(0, 60) * (source.octet() < 16 ? 1_000 : 1); level > 0; level--)
      deep = [deep]
    value['deep'] = deep
  }
  value[source.pick(['a', 'code', '__proto__', '0'])] = someValue(source, depth + 1)
  return value
}

function thrown(): never {
  throw new TypeError('mine')
}

function depthOf(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return depth
  let deepest = depth + 1
  for (const each of Object.values(value)) deepest = Math.max(deepest, depthOf(each, depth + 1))
  return deepest
}
