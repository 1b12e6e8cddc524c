import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadService } from '../../src/index.js'
import type { ServiceMethod } from '../../src/micro/index.js'

const fixtures = join(import.meta.dirname, '../../../test/micro/fixtures')
const greeterFile = join(fixtures, 'greeter.proto')
const includeDirs = [join(fixtures, 'include')]

async function everything(int64?: 'bigint' | 'string' | 'number'): Promise<ServiceMethod> {
  const service = await loadService(greeterFile, 'greeter.v1.Greeter', {
    includeDirs,
    ...(int64 === undefined ? {} : { int64 }),
  })
  return service.methods.find(method => method.name === 'getSum')!
}

function recode(method: ServiceMethod, subtype: string, value: unknown): unknown {
  const codec = method.request.get(subtype)!
  const bytes = Buffer.from(codec.encode(value))
  // In the middle of something else, as on the wire.
  const chunk = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
  const decoded = codec.decode(chunk, 6, 6 + bytes.length)
  chunk.fill(0xff)
  return decoded
}

const zero = {
  big: 0n,
  unsignedBig: 0n,
  data: Buffer.alloc(0),
  mood: 0,
  numbers: [],
  totals: {},
  inner: null,
  inners: [],
  flag: false,
  ratio: 0,
  point: null,
  moods: [],
}

const full = {
  big: -5_000_000_000_000_000_001n,
  unsignedBig: 18_446_744_073_709_551_615n,
  data: Buffer.from([1, 2, 3]),
  mood: 1,
  numbers: [1, -2],
  totals: { a: 9_007_199_254_740_993n },
  inner: { id: 7n },
  inners: [{ id: 8n }],
  nickName: 'x',
  number: 3,
  choice: 'number',
  flag: true,
  ratio: 0.5,
  point: { x: -1, y: 1 },
  moods: [1, 0],
  blob: Buffer.from('blob'),
}

t.test('a service has JavaScript names, wire names, kinds, paths and endpoints', async t => {
  const service = await loadService(greeterFile, 'greeter.v1.Greeter', { includeDirs })
  t.equal(service.name, 'greeter.v1.Greeter')
  t.equal(service.shortName, 'Greeter')
  t.same(
    service.methods.map(({ name, wireName, kind, path, endpoint }) => [
      name,
      wireName,
      kind,
      path,
      endpoint,
    ]),
    [
      ['hello', 'Hello', 'unary', '/greeter.v1.Greeter/Hello', 'Greeter.Hello'],
      ['countUp', 'CountUp', 'server', '/greeter.v1.Greeter/CountUp', 'Greeter.CountUp'],
      ['getSum', 'get_sum', 'client', '/greeter.v1.Greeter/get_sum', 'Greeter.get_sum'],
      ['chat', 'Chat', 'bidi', '/greeter.v1.Greeter/Chat', 'Greeter.Chat'],
    ],
  )
  t.same([...service.methods[0]!.request.keys()], ['proto', 'json'])
})

t.test('every field arrives as a plain value, copied out of the borrowed bytes', async t => {
  const method = await everything()
  for (const subtype of ['proto', 'json']) {
    t.strictSame(recode(method, subtype, full), full, subtype)
    t.strictSame(recode(method, subtype, {}), zero, `${subtype}: zero values`)
    for (const nothing of [undefined, null]) {
      t.throws(() => recode(method, subtype, nothing), /Everything: (undefined|null) is no message/)
    }
  }
})

t.test('64-bit integers may be given as bigint, number or text, and arrive as asked', async t => {
  for (const big of [42n, 42, '42']) {
    for (const subtype of ['proto', 'json']) {
      t.match(recode(await everything(), subtype, { big }), { big: 42n })
      t.match(recode(await everything('string'), subtype, { big }), { big: '42' })
      t.match(recode(await everything('number'), subtype, { big }), { big: 42 })
    }
  }
  await t.rejects(everything('long' as never), /int64 must be bigint, string or number, got 'long'/)
})

t.test('enums may be given by name and arrive as numbers', async t => {
  const method = await everything()
  t.match(recode(method, 'proto', { mood: 'MOOD_GOOD', moods: ['MOOD_GOOD', 0] }), {
    mood: 1,
    moods: [1, 0],
  })
})

t.test(
  'ProtoJSON: lower-camel names, 64-bit integers as text, enums by name; both styles are read',
  async t => {
    const method = await everything()
    const codec = method.request.get('json')!
    t.same(
      JSON.parse(
        Buffer.from(
          codec.encode({ unsignedBig: 5n, nickName: 'n', mood: 1, data: Buffer.from('a') }),
        ).toString(),
      ),
      {
        unsignedBig: '5',
        nickName: 'n',
        mood: 'MOOD_GOOD',
        data: 'YQ==',
      },
    )
    const text = Buffer.from(
      '{"unsigned_big":5,"nick_name":"n","mood":1,"data":"YQ==","unknown":[1]}',
    )
    t.match(codec.decode(text, 0, text.length), {
      unsignedBig: 5n,
      nickName: 'n',
      mood: 1,
      data: Buffer.from('a'),
    })
    t.same(codec.decode(text, 5, 5), zero, 'an empty body is the message with its defaults')
  },
)

t.test(
  'what is no object, or no message, is refused, and the next message is not harmed',
  async t => {
    const method = await everything()
    const codec = method.request.get('proto')!
    t.throws(
      () => codec.encode('text'),
      /Everything: text 'text' is no message: give an object with its fields/,
    )
    t.throws(() => codec.encode([1]), /Everything: an array of 1 is no message/)
    t.throws(() => codec.encode({ inner: 'text' }))
    t.throws(() => codec.decode(Buffer.from('0a', 'hex'), 0, 1))
    t.throws(
      () => codec.decode(Buffer.from('1a05616263', 'hex'), 0, 5),
      /Everything: a field of 5 octets is cut short: 3 are left, at offset 2/,
    )
    t.strictSame(recode(method, 'proto', full), full)
  },
)

t.test('a large message is as good as a small one', async t => {
  const method = await everything()
  const data = Buffer.alloc(200_000, 7)
  t.match(recode(method, 'proto', { data }), { data })
  t.strictSame(recode(method, 'proto', full), full)
})

t.test(
  'of a buffer of its own a message keeps what is most of it, and copies the rest',
  async t => {
    const method = await everything()
    const codec = method.request.get('proto')!
    const large = Buffer.alloc(100_000, 7)
    const encoded = (data: Buffer): Buffer => Buffer.from(codec.encode({ data, nickName: 'n' }))
    const bytesOf = (bytes: Buffer): Buffer =>
      (codec.decodeOwned!(bytes, 0, bytes.length) as { data: Buffer }).data
    const own = encoded(large)
    t.equal(bytesOf(own).buffer, own.buffer)
    t.same(bytesOf(own), large)
    const shared = encoded(large)
    const copy = (codec.decode(shared, 0, shared.length) as { data: Buffer }).data
    shared.fill(0)
    t.same(copy, large)
  },
)

t.test('a large message is encoded into a buffer that nothing else is written to', async t => {
  const codec = (await everything()).request.get('proto')!
  const first = codec.encode({ data: Buffer.alloc(100_000, 1) })
  const before = Buffer.from(first)
  codec.encode({ data: Buffer.alloc(100_000, 2) })
  t.ok(before.equals(first))
})

t.test('errors say what is wrong and where', async t => {
  const dir = t.testdir({})
  mkdirSync(dir, { recursive: true })
  const broken = join(dir, 'broken.proto')
  writeFileSync(broken, 'syntax = "proto3";\n\nmessage A {\n  string = 1;\n}\n')
  await t.rejects(loadService(broken, 'A'), { message: /cannot load .*broken\.proto.*line 4/s })
  await t.rejects(loadService(join(dir, 'missing.proto'), 'A'), {
    message: /missing\.proto.*ENOENT/s,
  })
  const unresolved = join(dir, 'unresolved.proto')
  writeFileSync(unresolved, 'syntax = "proto3";\nservice S { rpc M(Nothing) returns (Nothing); }\n')
  await t.rejects(loadService(unresolved, 'S'), { message: /Nothing/ })
  await t.rejects(loadService(greeterFile, 'greeter.v1.Greeter'), { message: /shapes\.proto/ })
  await t.rejects(loadService(greeterFile, 'Nobody', { includeDirs }), {
    message: 'no service Nobody in the schema; it has greeter.v1.Greeter',
  })
})

t.test(
  'what protoc ships can be imported; what is missing is named with the folders searched',
  async t => {
    const shipped = [
      'any',
      'api',
      'compiler/plugin',
      'cpp_features',
      'descriptor',
      'duration',
      'empty',
      'field_mask',
    ]
    shipped.push(
      'go_features',
      'java_features',
      'source_context',
      'struct',
      'timestamp',
      'type',
      'wrappers',
    )
    const imports = shipped.map(name => `import "google/protobuf/${name}.proto";`).join('\n')
    const dir = t.testdir({
      'all.proto': `syntax = "proto3"; ${imports}
service S { rpc M(google.protobuf.FileDescriptorSet) returns (google.protobuf.Api); }`,
      'lost.proto': 'syntax = "proto3"; import "far/away.proto";',
    })
    const service = await loadService(join(dir, 'all.proto'), 'S')
    t.equal(service.methods.length, 1)
    t.ok((await service.descriptors?.())?.length, 'and described')
    await t.rejects(loadService(join(dir, 'lost.proto'), 'S', { includeDirs: ['/one', 'two'] }), {
      message:
        /lost\.proto imports far\/away\.proto, which is not beside it, nor in includeDirs: \/one, two/,
    })
  },
)

t.test('an import is found beside another file that was given', async t => {
  const shapes = join(fixtures, 'include/shapes.proto')
  const service = await loadService([greeterFile, shapes], 'greeter.v1.Greeter')
  t.equal(service.methods.length, 4)
})
