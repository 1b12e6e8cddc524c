import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { generateTypes } from '../../src/micro/index.js'

const root = join(import.meta.dirname, '../../..')
const fixtures = join(root, 'test/micro/fixtures')
const includeDirs = [join(fixtures, 'include')]

t.test('messages are printed as they arrive and as they may be given', async t => {
  const text = await generateTypes(join(fixtures, 'greeter.proto'), {
    includeDirs,
    source: 'greeter.proto',
  })
  for (const part of [
    '// Made by microwire-types from greeter.proto. Do not edit.',
    "import type { MethodTypes } from 'microwire'",
    '/**\n * Says hello.\n',
    '  /** Whom to greet. */\n  name: string',
    'export interface HelloRequestInit {\n  name?: string | null | undefined\n}',
    'export const Everything_Mood = {\n  MOOD_UNKNOWN: 0,\n  MOOD_GOOD: 1,\n} as const',
    '  inner: Everything_Inner | null\n',
    '  totals: Record<string, bigint>\n',
    "  | { choice: 'number'; number: number; word?: undefined; boxed?: undefined }\n",
    '  | { choice?: undefined; word?: undefined; number?: undefined; boxed?: undefined }\n',
    "  hello: MethodTypes<'unary', HelloRequest, HelloReply, HelloRequestInit, HelloReplyInit>\n",
    "  getSum: MethodTypes<'client', Everything, Everything, EverythingInit, EverythingInit>\n",
  ]) {
    t.ok(text.includes(part), part)
  }
  const texts = await generateTypes(join(fixtures, 'greeter.proto'), {
    includeDirs,
    int64: 'string',
  })
  t.ok(texts.includes('  big: string\n'))
})

t.test('a service says which options loadService needs, so that its types are true', async t => {
  const file = join(root, 'examples/greeter.proto')
  const call = (more: string) => `\`loadService<Greeter>(file, 'greeter.v1.Greeter'${more})\``
  for (const [options, more] of [
    [{}, ''],
    [{ int64: 'bigint', wellKnownTypes: 'native' }, ''],
    [{ int64: 'number' }, ", { int64: 'number' }"],
    [{ int64: 'string', wellKnownTypes: 'raw' }, ", { int64: 'string', wellKnownTypes: 'raw' }"],
  ] as const) {
    t.ok((await generateTypes(file, options)).includes(call(more)), more)
  }
})

t.test('well-known types are the values they arrive as, and are not printed', async t => {
  const dir = t.testdir({
    'known.proto': `syntax = "proto3";
import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
message Known { google.protobuf.Timestamp at = 1; google.protobuf.Struct config = 2; google.protobuf.Int64Value big = 3; }
service S { rpc At(Known) returns (google.protobuf.Timestamp); }`,
  })
  const text = await generateTypes(join(dir, 'known.proto'), { int64: 'string' })
  t.match(text, "import type { JsonObject, MethodTypes } from 'microwire'")
  t.match(text, '  at: Date | null\n')
  t.match(text, '  config: JsonObject | null\n')
  t.match(text, '  big: string | null\n')
  t.match(text, "MethodTypes<'unary', Known, Date, KnownInit, Date |")
  t.notMatch(text, 'Int64Value')
  const raw = await generateTypes(join(dir, 'known.proto'), { wellKnownTypes: 'raw' })
  t.match(raw, '  at: Timestamp | null\n')
  t.match(raw, 'export interface Timestamp {')
  t.notMatch(raw, 'BoolValue', 'what is not used is not printed')
})

t.test('proto2: presence, required fields and extensions', async t => {
  const dir = t.testdir({
    'two.proto': `syntax = "proto2"; package two;
message Old { required int32 id = 1; optional string text = 2; extensions 100 to 200; }
extend Old { optional int32 more = 100; }`,
  })
  const text = await generateTypes(join(dir, 'two.proto'))
  t.match(text, "export interface Old {\n  id: number\n  text?: string\n  '.two.more'?: number\n}")
  t.match(text, 'export interface OldInit {\n  id: number\n')
})

t.test('two types of one name get their packages in front', async t => {
  const dir = t.testdir({
    'a.proto':
      'syntax = "proto3"; package a.v1; message Item { string x = 1; } enum Kind { K = 0; }',
    'b.proto':
      'syntax = "proto3"; package b.v1; import "a.proto"; message Item { a.v1.Item other = 1; a.v1.Kind kind = 2; } message Record { group: 1 }'.replace(
        ' group: 1 ',
        ' string record = 1; ',
      ),
  })
  const text = await generateTypes(join(dir, 'b.proto'))
  t.match(text, /export interface Item \{/)
  t.match(text, /export interface V1_Item \{/)
  t.match(text, /export interface V1_Record \{/, 'names of the language stay free')
  t.match(text, /kind: Kind\n/)
})

t.test(
  'the output compiles under our own flags, and gives handlers and clients their types',
  async t => {
    const dir = join(root, '.tap', `types-${process.pid}`)
    const { mkdirSync, rmSync, writeFileSync } = await import('node:fs')
    mkdirSync(dir, { recursive: true })
    t.teardown(() => rmSync(dir, { recursive: true, force: true }))
    const text = await generateTypes(join(fixtures, 'greeter.proto'), {
      includeDirs,
      module: '../../src/index.js',
    })
    writeFileSync(join(dir, 'greeter.ts'), text)
    writeFileSync(
      join(dir, 'use.ts'),
      `import { createClient, createServer, loadService } from '../../src/index.js'
import type { Greeter } from './greeter.js'
import { Everything_Mood } from './greeter.js'

const greeter = await loadService<Greeter>('greeter.proto', 'greeter.v1.Greeter')
const server = createServer({ name: 'greeter' })
server.handle(greeter, {
  hello({ name }, context) {
    const door: 'grpc' | 'mucp' | 'broker' = context.door
    return { text: name + door }
  },
  async *countUp({ name }) {
    yield { text: name }
  },
  async getSum(requests) {
    let big = 0n
    for await (const each of requests) big += each.big
    return { big, mood: 'MOOD_GOOD', inner: { id: '5' } }
  },
  async *chat(requests) {
    for await (const { name } of requests) yield { text: name }
  },
})
const { hello, countUp, getSum, chat } = createClient({ address: ':1' }).bind(greeter)
const text: string = (await hello({ name: 'Ada' }, { timeoutMs: 250 })).text
for await (const each of countUp({})) each.text satisfies string
const mood: Everything_Mood = (await getSum([{ big: 5 }])).mood
for await (const each of chat([{ name: text }])) each.text satisfies string
// @ts-expect-error no such field
await hello({ nam: 'Ada' })
// @ts-expect-error a number is no text
server.handle(greeter, { hello: () => ({ text: 5 }) })
export { mood }
`,
    )
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../tsconfig.json',
        compilerOptions: {
          noEmit: true,
          incremental: false,
          rootDir: '../..',
          typeRoots: ['../../node_modules/@types'],
        },
        include: ['*.ts'],
        exclude: [],
      }),
    )
    try {
      execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', dir], {
        encoding: 'utf8',
        stdio: 'pipe',
      })
      t.pass('compiles')
    } catch (error) {
      const lines = String((error as { stdout?: string }).stdout).split('\n')
      // Other layers are checked elsewhere.
      const ours = lines.filter(line => line.includes('types-'))
      t.same(ours, [])
    }
  },
)
