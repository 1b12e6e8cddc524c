import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BrokerErrorCode } from '../../src/broker/index.js'
import { ErrorCode, errorCodeName, Status, statusName } from '../../src/grpc/index.js'
import { statusText } from '../../src/micro/errors/micro-error.js'
import { TransportErrorCode } from '../../src/transport/index.js'

const page = readFileSync('docs/errors.md', 'utf8')

/** Section by anchor, as GitHub makes anchors of headings. */
const sections = new Map<string, string>()
for (const part of page.split(/^#{2,3} /m).slice(1)) {
  const heading = part.slice(0, part.indexOf('\n'))
  const anchor = heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
  t.notOk(sections.has(anchor), `one section for ${anchor}`)
  sections.set(anchor, part)
}

const sources: readonly string[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter(path => path.endsWith('.ts'))
  .map(path => readFileSync(join('src', path), 'utf8'))

/** What the first group of `pattern` finds anywhere in the source. */
function inSource(pattern: RegExp): string[] {
  return [...new Set(sources.flatMap(text => [...text.matchAll(pattern)].map(found => found[1]!)))]
}

/** Each code has a section that answers the four questions. */
function explained(t: Test, codes: readonly string[]): void {
  for (const code of codes) {
    const section = sections.get(code.toLowerCase())
    if (!t.ok(section !== undefined, `a section for ${code}`)) continue
    for (const question of ['Who', 'Handler', 'Retry', 'Try']) {
      t.match(section, new RegExp(`^- \\*\\*${question}:\\*\\* \\S`, 'm'), `${code}: ${question}`)
    }
  }
}

t.test('each gRPC status but OK is explained', t => {
  const codes = Object.values(Status).filter(status => status !== Status.Ok)
  explained(t, codes.map(statusName))
  t.end()
})

t.test('each code of the transport is explained', t => {
  explained(t, Object.values(TransportErrorCode))
  t.same(
    inSource(/'(TRANSPORT_[A-Z\d_]+)'/g).sort(),
    Object.values(TransportErrorCode).sort(),
    'there are no others',
  )
  t.end()
})

t.test('each code of brokers is explained', t => {
  explained(t, Object.values(BrokerErrorCode))
  t.same(inSource(/'(BROKER_[A-Z]+)'/g).sort(), Object.values(BrokerErrorCode).sort())
  t.end()
})

t.test('each code of HTTP/2 is explained', t => {
  explained(t, Object.values(ErrorCode).map(errorCodeName))
  t.end()
})

t.test('each code of HPACK is explained', t => {
  const codes = inSource(/'(HPACK_[A-Z\d_]+)'/g)
  t.ok(codes.length >= 7, 'the source has some')
  explained(t, codes)
  t.end()
})

t.test('each code that micro has a reason phrase for is explained', t => {
  const codes = Array.from({ length: 1_000 }, (_, code) => code)
  for (const code of codes.filter(code => code === 0 || (code >= 400 && statusText(code) !== ''))) {
    const row = page.split('\n').find(line => line.startsWith(`| <a id="${code}"></a>${code} |`))
    t.ok(row !== undefined, `a row for ${code}`)
    const cells = row?.split('|').map(cell => cell.trim()) ?? []
    // Only the fourth, what microwire itself uses it for, may be empty.
    t.ok(cells.length === 9 && cells.every((cell, at) => [0, 4, 8].includes(at) || cell !== ''))
  }
  t.end()
})

t.test('each class of errors is named, and each link within the page leads somewhere', t => {
  const classes = inSource(/export class (\w+) extends \w*Error\b/g)
  t.ok(classes.includes('GrpcError') && classes.includes('HpackLimitError'))
  for (const name of classes)
    t.ok(page.includes(`\`${name}\``) || sections.has(name.toLowerCase()), name)
  for (const [, anchor] of page.matchAll(/\]\(#([^)]+)\)/g)) t.ok(sections.has(anchor!), anchor!)
  for (const [, file] of page.matchAll(/\]\(([\w.-]+\.md)/g)) {
    t.ok(readdirSync('docs').includes(file!), file!)
  }
  t.end()
})

t.test('each field of a GrpcError and of its timing is explained', t => {
  const status = sources.find(text => text.includes('export class GrpcError'))!
  const fields = [...status.matchAll(/^ {2}(?:declare )?(?:readonly|get) (\w+)(?::|\()/gm)]
  for (const [, name] of fields) {
    if (name !== 'hasMetadata') t.match(page, new RegExp(`^\\|.*\`${name}\``, 'm'), name!)
  }
  const timing = sources.find(text => text.includes('export interface CallTiming'))!
  const body = timing.slice(timing.indexOf('CallTiming {'), timing.indexOf('\n}'))
  const parts = [...body.matchAll(/readonly (\w+Ms)/g)].map(found => found[1]!)
  t.equal(parts.length, 7)
  for (const part of parts) t.ok(page.includes(`\`${part}\``), part)
  t.end()
})
