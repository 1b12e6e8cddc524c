import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import descriptor from 'protobufjs/ext/descriptor.js'
import t from 'tap'
import { loadService } from '../../src/index.js'
import type { TypedCodec } from '../../src/micro/index.js'
import { FIXTURES } from './peer.js'

interface File {
  name: string
  dependency?: string[]
  options?: object
}

function fileOf(bytes: Uint8Array): File {
  const type = descriptor.FileDescriptorProto
  return type.toObject(type.decode(bytes)) as File
}

async function describe(file: string, name: string): Promise<File[]> {
  const service = await loadService(file, name, { includeDirs: [FIXTURES] })
  return ((await service.descriptors?.()) ?? []).map(fileOf)
}

t.test('loadService: the descriptors are those of a compiler', async t => {
  const { file: compiled } = descriptor.FileDescriptorSet.toObject(
    descriptor.FileDescriptorSet.decode(readFileSync(`${FIXTURES}/rich.binpb`)),
  ) as { file: File[] }
  const ours = await describe(`${FIXTURES}/rich/v1/rich.proto`, 'rich.v1.Rich')
  t.same(ours.map(({ name }) => name).sort(), [
    'base/base.proto',
    'google/protobuf/struct.proto',
    'google/protobuf/timestamp.proto',
    'rich/v1/rich.proto',
  ])
  for (const file of ours) {
    const theirs = { ...compiled.find(({ name }) => name === file.name)! }
    // A file of nothing but imports is not kept: what it brings is imported without it.
    theirs.dependency = theirs.dependency?.map(name =>
      name === 'rich/v1/all.proto' ? 'base/base.proto' : name,
    ) as string[]
    // protobufjs puts the options of all files of a package together: they are left out.
    delete theirs.options
    t.strictSame(sorted(file), sorted(theirs), file.name)
  }
})

function sorted(file: File): File {
  return { ...file, dependency: [...(file.dependency ?? [])].sort() }
}

t.test('loadService: a file that nobody imports is named after its package', async t => {
  const files = await describe('examples/greeter.proto', 'greeter.v1.Greeter')
  t.same(
    files.map(({ name }) => name),
    ['greeter/v1/greeter.proto'],
  )
})

t.test('loadService: editions, and two files of one name', async t => {
  const folder = t.testdir({
    a: {
      'thing.proto': `edition = "2023"; package x; import "../b/thing.proto";
        option features.field_presence = IMPLICIT;
        service S { rpc M(A) returns (B); }
        message A { int32 n = 1 [features.field_presence = EXPLICIT]; }`,
    },
    b: { 'thing.proto': 'syntax = "proto3"; package x; message B { float f = 1; }' },
  })
  const files = await describe(`${folder}/a/thing.proto`, 'x.S')
  t.same(files.map(({ name }) => name).sort(), ['b/thing.proto', 'x/thing.proto'])
  const file = files.find(({ name }) => name === 'x/thing.proto')
  t.match(file, {
    syntax: 'editions',
    edition: 1_000,
    dependency: ['b/thing.proto'],
    messageType: [{ field: [{ name: 'n', options: { features: { fieldPresence: 1 } } }] }],
  })
})

t.test('loadService: defaults of proto2 are exact, and what was not sent stays absent', async t => {
  const file = join(t.testdir({ 'old.proto': OLD }), 'old.proto')
  const described = (await describe(file, 'old.S')) as unknown as Described[]
  const [message] = described[0]!.messageType.filter(({ field }) => field.length > 1)
  t.same(Object.fromEntries(message!.field.map(field => [field.name, field.defaultValue])), {
    most: '9223372036854775807',
    beyond: '18446744073709551615',
    hex: '18446744073709551601',
    octal: '9007199254740993',
    least: '-9007199254740993',
    small: '7',
    far: 'inf',
    blob: '\\001a\\"\\\\',
  })
  const service = await loadService(file, 'old.S')
  const [{ request }] = service.methods as unknown as [{ request: Map<string, TypedCodec<object>> }]
  for (const [subtype, codec] of request) {
    const bytes = Buffer.from(codec.encode({}))
    t.same(codec.decode(bytes, 0, bytes.length), {}, subtype)
  }
})

interface Described {
  readonly messageType: readonly {
    readonly field: readonly { readonly name: string; readonly defaultValue?: string }[]
  }[]
}

const OLD = `syntax = "proto2"; package old;
message Other { optional int64 least = 5 [default = -9007199254740995]; }
message A {
  optional int64 most = 1 [default = 9223372036854775807];
  optional uint64 beyond = 2 [deprecated = true, default = 18446744073709551615];
  optional fixed64 hex = 3 [default = 0xFFFFFFFFFFFFFFF1];
  optional int64 octal = 4 [default = 0400000000000000001];
  optional sint64 least = 5 [default = -9007199254740993];
  optional int64 small = 6 [default = 7];
  optional double far = 7 [default = inf];
  optional bytes blob = 8 [default = "\\001a\\"\\\\"];
}
service S { rpc Do(A) returns (A); }
`
