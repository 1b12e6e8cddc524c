import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generateTables } from '../../scripts/descriptor-tables/tables.js'
import {
  CodeGeneratorRequest,
  CodeGeneratorResponse,
} from '../../src/codegen/descriptor/plugin-table.js'
import { generate, loadSchema, parseOptions, runPlugin } from '../../src/codegen/index.js'
import { ORDER_PROTO } from './schemas.js'

const ROOT = join(import.meta.dirname, '../../..')

function textOf(files: Readonly<Record<string, string>>, parameter: string = ''): string {
  const names = Object.keys(files)
  const schema = loadSchema(names, name => files[name])
  return generate(schema, [names[0]!], parseOptions(parameter))[0]!.content
}

function proto3(body: string): string {
  return textOf({ 'a.proto': `syntax = "proto3"; package a; ${body}` })
}

t.test('comments are carried over, deprecated is marked', t => {
  const text = textOf({ 'shop.proto': ORDER_PROTO })
  t.match(text, '/**\n * What a customer wants.\n * On two lines.\n */\nexport interface Order {')
  t.match(text, '  /**  given by the shop */\n  id: string'.replace('  given', ' given'))
  t.match(text, '  /** @deprecated */\n  old: string')
  t.match(text, '  /** Places one. */\n  place: MethodTypes<')
  t.match(text, '  /** @deprecated */\n  getThing: MethodTypes<')
  t.notMatch(proto3('/* a */ /* ends */ message M { /* x * / */ int32 a = 1; }'), /\*\/ \*\//)
  t.end()
})

t.test('W187: both names of a method, that of gRPC and that of go-micro', t => {
  const text = textOf({ 'shop.proto': ORDER_PROTO })
  t.match(text, "['place', '/shop.v1.Shop/Place', 'Shop.Place', 'unary', Order, Order],")
  t.match(
    text,
    "['getThing', '/shop.v1.Shop/get_thing', 'Shop.get_thing', 'unary', Card, Nothing],",
  )
  t.match(text, "['upload', '/shop.v1.Shop/Upload', 'Shop.Upload', 'client', Order, Empty],")
  t.match(text, 'export type ShopHandler = Handlers<ShopMethods>')
  t.match(text, 'export type ShopClient = BoundClient<ShopMethods>')
  t.end()
})

t.test('a module imports nothing at run time but the codec, and needs no Function()', t => {
  const text = textOf({ 'shop.proto': ORDER_PROTO })
  const imports = [...text.matchAll(/^import (type )?[^']*'([^']*)'/gm)].map(([, type, from]) => [
    type,
    from,
  ])
  t.same(imports, [
    ['type ', 'microwire'],
    [undefined, 'microwire/codec'],
  ])
  t.notMatch(text, /\bFunction\(|\beval\(/)
  t.end()
})

t.test('a module imports nothing that it does not use', t => {
  const packed =
    'syntax = "proto3"; message M { repeated int32 a = 1; repeated E e = 2; } enum E { Z = 0; }'
  for (const text of [textOf({ 'shop.proto': ORDER_PROTO }), textOf({ 'a.proto': packed })]) {
    const end = text.indexOf("from 'microwire/codec'")
    const names = text.slice(text.lastIndexOf('import {', end) + 8, end).match(/[\w$]+/g) ?? []
    const body = text.slice(end)
    for (const name of names.filter(each => each !== 'type' && each !== 'as')) {
      t.match(body, new RegExp(`[^\\w$]${name.replace('$', '\\$')}[^\\w$]`), name)
    }
  }
  t.end()
})

t.test('names that JavaScript has taken get another', t => {
  const text = proto3(
    'message class { int32 default = 1; string constructor = 2; string then = 3; } message Date {} message Reader { Writer w = 1; } message Writer {} message MessageType {} enum Function { ZERO = 0; } service Object { rpc Delete(class) returns (Date); }',
  )
  t.match(text, 'export interface class$ {')
  t.match(text, '  default: number')
  t.match(text, '  constructor$: string')
  t.match(text, '  then$: string')
  t.match(text, 'export interface Date$ {')
  t.match(text, 'export const Function$ = {')
  t.match(text, 'type Reader as Reader$1')
  t.match(text, 'MessageType as MessageType$1')
  t.match(text, 'export const Object$: ServiceDefinition<Object$Methods>')
  t.end()
})

t.test('what is made of one name does not meet what is made of another', t => {
  const text = proto3(
    'message A { message B {} int32 a_b = 1; int32 aB = 2; } message A_B {} message GreeterClient {} service Greeter { rpc X(A) returns (A.B); } message AInit {}',
  )
  const declared = [...text.matchAll(/^export (?:interface|type|function) (\S+?)[ (<]/gm)].map(
    ([, name]) => name,
  )
  t.same(declared, [...new Set(declared)])
  t.match(text, /^ {2}aB: number\n {2}aB\$: number$/m)
  t.end()
})

t.test('W179: files of several folders import each other by relative paths', t => {
  const files = {
    'shop/v1/order.proto':
      'syntax = "proto3"; package shop.v1; import "money/money.proto"; import "shop/v1/state.proto"; message Order { money.Money a = 1; State b = 2; message Money {} Money c = 3; }',
    'money/money.proto': 'syntax = "proto3"; package money; message Money { int64 units = 1; }',
    'shop/v1/state.proto': 'syntax = "proto3"; package shop.v1; enum State { NONE = 0; }',
  }
  const text = textOf(files)
  t.match(
    text,
    "import { Money, Money$read, Money$write, type MoneyInit } from '../../money/money_mw.js'",
  )
  t.match(
    text,
    "import { State, State$type } from './state_mw.js'".replace('State, ', 'type State, '),
  )
  t.match(textOf(files, 'import_extension=none'), "from '../../money/money_mw'")
  t.match(textOf(files, 'import_extension=ts'), "from './state_mw.ts'")
  t.end()
})

t.test('the same input gives the same output', t => {
  t.equal(textOf({ 'shop.proto': ORDER_PROTO }), textOf({ 'shop.proto': ORDER_PROTO }))
  t.end()
})

t.test('options are checked by name', t => {
  t.throws(() => parseOptions('int=5'), {
    name: 'GenerateError',
    message: /^unknown option int: there are int64,/,
  })
  t.throws(() => parseOptions('int64=long'), {
    message: "int64 must be one of bigint, number, string, got 'long'",
  })
  t.same(parseOptions(' int64=string, timestamp=exact ').int64, 'string')
  t.end()
})

function request(more: object): Uint8Array {
  const protoFile = loadSchema(['shop.proto'], name =>
    name === 'shop.proto' ? ORDER_PROTO : undefined,
  )
  return CodeGeneratorRequest.encode({ fileToGenerate: ['shop.proto'], protoFile, ...more })
}

t.test('W175, W177, W178: a request in, a response out, with what the plugin can', t => {
  const response = CodeGeneratorResponse.decode(runPlugin(request({ parameter: 'int64=number' })))
  t.equal(response.error, undefined)
  t.equal(response.supportedFeatures, 3n)
  t.equal(response.minimumEdition, 998)
  t.equal(response.maximumEdition, 1_001)
  t.same(
    response.file.map(({ name }) => name),
    ['shop_mw.ts'],
  )
  t.equal(response.file[0]!.content, textOf({ 'shop.proto': ORDER_PROTO }, 'int64=number'))
  t.end()
})

t.test('W177: a mistake of the user is said in the response', t => {
  const wrong = CodeGeneratorResponse.decode(runPlugin(request({ parameter: 'x=1' })))
  t.match(wrong.error, /^unknown option x/)
  t.same(wrong.file, [])
  const missing = CodeGeneratorResponse.decode(runPlugin(request({ fileToGenerate: ['b.proto'] })))
  t.match(missing.error, 'b.proto: its descriptor is not in the request')
  t.throws(() => runPlugin(Uint8Array.of(10, 9)), { name: 'RangeError' })
  t.end()
})

t.test('what the generator reads descriptors with is its own output', t => {
  const path = join(ROOT, 'test/generate/fixtures/descriptors.bin')
  for (const { name, content } of generateTables(readFileSync(path))) {
    t.ok(
      readFileSync(join(ROOT, name), 'utf8') === content,
      `${name}: run node .build/scripts/descriptor-tables.js ${path}`,
    )
  }
  t.end()
})

t.test('descriptors=embed gives services their schema', async t => {
  const text = textOf({ 'shop.proto': ORDER_PROTO }, 'descriptors=embed')
  t.match(text, 'const file$descriptors = (): readonly Uint8Array[] =>')
  t.match(text, '  file$descriptors,\n)')
  t.end()
})
