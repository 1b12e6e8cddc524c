import t from 'tap'
import type { RegistryService } from '../../src/micro/index.js'
import { RegistryError, RegistryErrorCode } from '../../src/registry/index.js'
import { checkNodes, keyPart } from '../../src/registry/names.js'
import { readRecord, recordText } from '../../src/registry/record.js'
import { grouped, ServiceTable } from '../../src/registry/service-table.js'

// What go-micro v6 put into etcd, octet for octet (one service, mucp over transport/grpc).
const GO_RECORD =
  '{"name":"greeter","version":"latest","metadata":null,"endpoints":[' +
  '{"request":{"name":"Context","type":"Context","values":null},"response":{"name":"Stream","type":"Stream","values":null},"metadata":{"stream":"true"},"name":"Greeter.Chat"},' +
  '{"request":{"name":"HelloRequest","type":"HelloRequest","values":[{"name":"name","type":"string","values":null},{"name":"tags","type":"[]string","values":null}]},"response":null,"metadata":{},"name":"Greeter.Hello"}],' +
  '"nodes":[{"metadata":{"broker":"nats","protocol":"mucp","zone":"eu\\u003c1\\u003e"},"id":"greeter-1","address":"127.0.0.1:50999"}]}'

t.test('micro-scale §1: a record that Go wrote is read, and written again octet for octet', t => {
  const service = readRecord(GO_RECORD)
  t.equal(service.nodes[0]?.metadata['zone'], 'eu<1>')
  t.same(service.metadata, {}, 'null is empty')
  t.equal(recordText(service, service.nodes), GO_RECORD)
  t.end()
})

t.test('micro-scale §1: five, four and three keys, null where Go has it, maps in order', t => {
  const service: RegistryService = {
    name: 'a',
    version: '1',
    metadata: {},
    endpoints: [{ name: 'A.B', metadata: {} }],
    nodes: [{ id: 'a-1', address: 'h:1', metadata: { b: '&', a: '\u2028' } }],
  }
  t.equal(
    recordText(service, service.nodes),
    '{"name":"a","version":"1","metadata":null,"endpoints":[{"request":null,"response":null,"metadata":{},"name":"A.B"}],"nodes":[{"metadata":{"a":"\\u2028","b":"\\u0026"},"id":"a-1","address":"h:1"}]}',
  )
  t.equal(
    recordText({ ...service, endpoints: [] }, []),
    '{"name":"a","version":"1","metadata":null,"endpoints":null,"nodes":null}',
  )
  t.end()
})

t.test(
  'unknown members of a record survive; names of members are found in any case, as Go does',
  t => {
    const text =
      '{"Name":"a","version":"1","future":{"x":[1]},"nodes":[{"ID":"a-1","address":"h:1","rack":7}],"__proto__":{"y":1}}'
    const service = readRecord(text)
    t.equal(service.name, 'a')
    t.equal(service.nodes[0]?.id, 'a-1')
    const again = JSON.parse(recordText(service, service.nodes)) as Record<string, unknown>
    t.same(again['future'], { x: [1] })
    t.match(again['nodes'], [{ rack: 7 }])
    t.equal(({} as Record<string, unknown>)['y'], undefined)
    t.end()
  },
)

t.test('a record that cannot be used says what is wrong with it', t => {
  const rows: [text: string, fault: RegExp][] = [
    ['not json', /no JSON: "not json"/],
    ['[]', /the record must be an object, got an array/],
    ['{"name":5}', /name must be a text, got number/],
    ['{"name":""}', /name must be a text, got an empty one/],
    ['{"name":"a","nodes":{}}', /nodes must be an array, got object/],
    ['{"name":"a","nodes":[{"id":"a"}]}', /the address of a node must be a text, got undefined/],
    [
      '{"name":"a","nodes":[{"id":"a","address":"h:1","metadata":{"x":5}}]}',
      /the metadata of a node\.x must be a text, got number/,
    ],
    ['{"name":"a","endpoints":[null]}', /an endpoint must be an object, got null/],
  ]
  for (const [text, fault] of rows) t.throws(() => readRecord(text), fault)
  const deep = `${'{"name":"a","type":"b","values":['.repeat(50)}${']}'.repeat(50)}`
  t.doesNotThrow(() => readRecord(`{"name":"a","endpoints":[{"name":"A.B","request":${deep}}]}`))
  t.end()
})

t.test(
  'names with slashes are keys with dashes, as Go writes them; what is no key is refused',
  t => {
    const part = (name: string) => keyPart('etcd', 'h:1', 'service', name)
    t.equal(part('a/b/c'), 'a-b-c')
    for (const name of ['', '.', '..', 'a\nb', 'x'.repeat(256)]) {
      t.throws(() => part(name), { name: 'RegistryError', code: RegistryErrorCode.Record })
    }
    t.throws(() => part('..'), { message: /etcd at h:1: service "\.\." is no name/ })
    t.throws(() => checkNodes({ ...readRecord(GO_RECORD), nodes: [] }), /greeter has no nodes/)
    t.end()
  },
)

function record(id: string, version = '1', address = `${id}:1`): RegistryService {
  return { name: 'a', version, metadata: {}, endpoints: [], nodes: [{ id, address, metadata: {} }] }
}

t.test(
  'a table of records: versions come together, changes are told, what is the same is no change',
  t => {
    const table = new ServiceTable('a')
    t.match(table.set('k1', record('x')), { action: 'create' })
    t.equal(table.set('k1', record('x')), undefined)
    t.match(table.set('k1', record('x', '1', 'new:1')), { action: 'update' })
    table.set('k2', record('y'))
    table.set('k3', record('z', '2'))
    t.same(
      table.services.map(({ version, nodes }) => [version, nodes.map(({ id }) => id)]),
      [
        ['1', ['x', 'y']],
        ['2', ['z']],
      ],
    )
    t.equal(table.services, table.services, 'nothing is made anew without a change')
    const changes = table.replace(
      new Map([
        ['k2', record('y')],
        ['k4', record('w')],
      ]),
    )
    t.same(
      changes.map(({ action, service }) => [action, service.nodes[0]?.id]),
      [
        ['delete', 'x'],
        ['delete', 'z'],
        ['create', 'w'],
      ],
    )
    t.match(table.delete('k2'), { action: 'delete' })
    t.equal(table.delete('k2'), undefined)
    t.equal(table.size, 1)
    t.equal(String(table), 'a: 1 records')
    t.end()
  },
)

t.test('two records with one node id are one node: the later one is right', t => {
  const [service] = grouped([record('x', '1', 'old:1'), record('x', '1', 'new:1')])
  t.same(
    service?.nodes.map(({ address }) => address),
    ['new:1'],
  )
  t.end()
})

t.test(
  'an error of a registry says engine, address, what to try, and is one of its kind elsewhere',
  t => {
    const error = new RegistryError('etcd', 'h:1', RegistryErrorCode.Denied, 'no', new Error('x'))
    t.equal(
      error.message,
      'etcd at h:1: no; check the user, the password or the token, and what they may do',
    )
    t.ok(error instanceof RegistryError)
    t.match(error.cause, { message: 'x' })
    t.end()
  },
)
