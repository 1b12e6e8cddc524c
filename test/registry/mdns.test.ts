import { deflateSync } from 'node:zlib'
import t from 'tap'
import type { RegistryService } from '../../src/micro/index.js'
import {
  decodeMessage,
  encodeMessage,
  nameOctets,
  RecordType,
} from '../../src/registry/mdns/dns-message.js'
import { mdnsRegistry } from '../../src/registry/mdns/index.js'
import { nodeRecords, toldNodes } from '../../src/registry/mdns/node-answer.js'

const service: RegistryService = {
  name: 'greeter',
  version: 'latest',
  metadata: {},
  endpoints: [{ name: 'Greeter.Hello', metadata: {}, request: null, response: null }],
  nodes: [
    { id: 'greeter-1', address: '10.0.0.1:50999', metadata: { zone: 'eu<1>', protocol: 'mucp' } },
  ],
}

t.test('micro-scale §5: a question of Go, octet for octet', t => {
  const question = { name: 'greeter.micro.', type: RecordType.Ptr }
  const bytes = encodeMessage({ id: 0x1234, isResponse: false, questions: [question], records: [] })
  t.equal(
    bytes.toString('hex'),
    '123400000001000000000000' + '0767726565746572056d6963726f00' + '000c0001',
  )
  t.same(decodeMessage(bytes), {
    id: 0x1234,
    isResponse: false,
    questions: [question],
    records: [],
  })
  t.end()
})

t.test('SRV, A and TXT of a node come back as they went, over IPv4 and IPv6', t => {
  for (const [host, address] of [
    ['10.0.0.1', '10.0.0.1:50999'],
    ['fd00::1:0:2', '[fd00::1:0:2]:50999'],
    ['::1', '[::1]:50999'],
    ['2001:db8::', '[2001:db8::]:50999'],
    ['1:2:3:4:5:6:7:8', '[1:2:3:4:5:6:7:8]:50999'],
  ] as const) {
    const records = nodeRecords(service, service.nodes[0]!, host, 50_999, 'micro')
    const message = decodeMessage(
      encodeMessage({ id: 0, isResponse: true, questions: [], records }),
    )
    t.equal(message.isResponse, true)
    const [told] = toldNodes(message.records, 'micro')
    t.equal(told?.key, 'greeter/greeter-1')
    t.same(told?.record, { ...service, nodes: [{ ...service.nodes[0], address }] })
  }
  t.end()
})

t.test('a goodbye has a TTL of 0; others of other domains, and what is half, are none', t => {
  const [node] = service.nodes
  const gone = nodeRecords(service, node!, '10.0.0.1', 1, 'micro', 0)
  t.same(toldNodes(gone, 'micro'), [{ key: 'greeter/greeter-1', record: undefined }])
  const records = nodeRecords(service, node!, '10.0.0.1', 1, 'micro')
  t.same(toldNodes(records, 'other'), [])
  for (const left of [0, 1, 2])
    t.same(
      toldNodes(
        records.filter((_, index) => index !== left),
        'micro',
      ),
      [],
    )
  t.end()
})

t.test('a TXT record that inflates without end is refused', t => {
  const bomb = deflateSync(Buffer.alloc(64 << 20)).toString('hex')
  const texts = bomb.match(/.{1,255}/g)!
  const records = nodeRecords(service, service.nodes[0]!, '10.0.0.1', 1, 'micro').map(record =>
    record.type === RecordType.Txt ? { ...record, texts } : record,
  )
  t.throws(() => toldNodes(records, 'micro'))
  t.end()
})

t.test('hostile packets: circles, lengths beyond the end, too many entries, half a message', t => {
  const head = (questions: number, answers: number) =>
    Buffer.from([0, 0, 0x84, 0, 0, questions, 0, answers, 0, 0, 0, 0])
  const packets: [name: string, bytes: Buffer, fault: RegExp][] = [
    [
      'a pointer to itself',
      Buffer.concat([head(1, 0), Buffer.from([0xc0, 12, 0, 12, 0, 1])]),
      /circles/,
    ],
    ['a label beyond the end', Buffer.concat([head(1, 0), Buffer.from([20, 1, 2])]), /cut short/],
    ['no end of a name', Buffer.concat([head(1, 0), Buffer.from([1, 97])]), /cut short/],
    ['half a record', Buffer.concat([head(0, 1), Buffer.from([0, 0, 16, 0, 1])]), /cut short/],
    [
      'data beyond the end',
      Buffer.concat([head(0, 1), Buffer.from([0, 0, 16, 0, 1, 0, 0, 0, 1, 0, 9, 1])]),
      /cut short/,
    ],
    ['entries', Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), /131070 entries/],
    ['nothing', Buffer.alloc(0), /cut short/],
  ]
  for (const [name, bytes, fault] of packets) t.throws(() => decodeMessage(bytes), fault, name)
  t.end()
})

t.test('names that DNS cannot carry are refused with their numbers', async t => {
  t.throws(() => nameOctets('a..b'), /has 0 octets; mDNS takes 1 to 63/)
  t.throws(() => nameOctets('x'.repeat(64)), /has 64 octets/)
  t.throws(() => nameOctets(`${'x'.repeat(63)}.`.repeat(4)), /has 257 octets; mDNS takes 255/)
  t.throws(() => mdnsRegistry({ domain: 'a..b' }), RangeError)
  t.throws(
    () => mdnsRegistry({ ports: 5 } as never),
    /mdnsRegistry has no option ports; did you mean port/,
  )
  const registry = mdnsRegistry()
  await t.rejects(registry.register({ ...service, name: 'x'.repeat(70) }), /has 70 octets/)
  await registry.close()
  await t.rejects(registry.getService('a'), { code: 'REGISTRY_CLOSED' })
})
