import type { OctetSource } from '../src/testing/index.js'
import type { Message } from '../src/transport/index.js'

/** What peers put into the messages of go-micro's protocol, rightly or not. */
const NAMES: readonly string[] = [
  'Micro-Endpoint',
  'Micro-Id',
  'Micro-Stream',
  'Micro-Error',
  'Micro-Topic',
  'Content-Type',
  'Timeout',
  'Connection',
  'Micro-ID',
  'micro-error',
  '__proto__',
  'token',
]
const VALUES: Readonly<Record<string, readonly string[]>> = {
  'Micro-Endpoint': ['Fuzz.One', 'Fuzz.Up', 'Fuzz.Down', 'Fuzz.Both', 'Fuzz.No', 'No.One', 'x', ''],
  'Content-Type': [
    'application/json',
    'application/json-rpc',
    'application/grpc+json',
    'text/html',
    '',
  ],
  Timeout: ['-1', '1e99', '5000000', 'x'],
  Connection: ['close', 'x'],
  'Micro-Topic': ['news', 'none', ''],
}
const DEEP = `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
const ERRORS: readonly string[] = [
  'EOS',
  '{"id":"a","code":400,"detail":"b"}',
  DEEP,
  '{',
  'x',
  `{"code":1e999}`,
  '{"detail":"&<>"}',
]
const IDS: readonly string[] = ['1', '2', '3', '', 'x'.repeat(3_000)]
const BODIES: readonly string[] = [
  '{}',
  '1',
  '"x"',
  '{',
  '',
  '[[[[[[]]]]]]',
  '{"id":1,"method":"Fuzz.One","params":[1]}',
]

/** The same in all, unless the input says otherwise: most messages must be understood. */
export function someMessage(source: OctetSource): Message {
  const header = new Map<string, string>([['Content-Type', 'application/json']])
  for (let count = source.integer(0, 5); count > 0; count--) {
    const name = source.pick(NAMES)
    header.set(name, wordFor(name, source))
  }
  if (source.octet() < 8) for (let key = 0; key < 600; key++) header.set(`k${key}`, '')
  return { header, body: Buffer.from(source.pick(BODIES)) }
}

function wordFor(name: string, source: OctetSource): string {
  if (/error/i.test(name)) return source.pick(ERRORS)
  if (/^micro-(?:id|stream)$/i.test(name)) return source.pick(IDS)
  return source.pick(VALUES[name] ?? ['', 'x', '\u0000', '\u20ac'])
}
