import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FileDescriptorSet, generate, loadSchema, parseOptions } from '../../src/codegen/index.js'

const FIXTURES = join(import.meta.dirname, '../../../test/generate/fixtures')

t.test('the generator makes the same of what protoc read and of what we read', t => {
  const { file } = FileDescriptorSet.decode(readFileSync(join(FIXTURES, 'everything.bin')))
  const read = (name: string): string | undefined => {
    try {
      return readFileSync(join(FIXTURES, name), 'utf8')
    } catch {
      return undefined
    }
  }
  const targets = file.map(({ name }) => name!).filter(name => !name.startsWith('google/'))
  t.ok(targets.length >= 3)
  for (const name of targets) {
    for (const parameter of [
      '',
      'int64=string,timestamp=exact,duration=exact,unknown_fields=keep',
    ]) {
      const [theirs] = generate(file, [name], parseOptions(parameter))
      const [ours] = generate(loadSchema([name], read), [name], parseOptions(parameter))
      t.equal(ours!.content, theirs!.content, `${name} ${parameter}`)
    }
  }
  t.end()
})

const WRONG: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  [
    'a word where none fits',
    'syntax = "proto3"; massage A {}',
    /^a\.proto:1:20: expected message, enum, .*, found 'massage'$/,
  ],
  ['no end', 'syntax = "proto3";\nmessage A {\n', /^a\.proto:3:1: expected/],
  [
    'no number',
    'syntax = "proto3"; message A { int32 a; }',
    /^a\.proto:1:39: expected '=', found ';'$/,
  ],
  [
    'a number too large',
    'syntax = "proto3"; message A { int32 a = 536870912; }',
    /536870912 is no number for a field/,
  ],
  [
    'a reserved number',
    'syntax = "proto3"; message A { int32 a = 19000; }',
    /19000 is no number for a field/,
  ],
  [
    'the same number twice',
    'syntax = "proto3"; message A { int32 a = 1; int32 b = 1; }',
    /message A has 1 twice, at b, before in line 1$/,
  ],
  [
    'the same name twice',
    'syntax = "proto3"; message A { int32 a = 1; int32 a = 2; }',
    /^a\.proto:1:51: message A has a twice, at a, before in line 1$/,
  ],
  [
    'a type that is not there',
    'syntax = "proto3"; message A { B b = 1; }',
    /^a\.proto:1:34: A\.b: there is no type B; is the file that has it imported\?$/,
  ],
  [
    'a type defined twice',
    'syntax = "proto3"; message A {} enum A { X = 0; }',
    /^a\.proto:1:28: A is defined twice$/,
  ],
  [
    'an enum as a request',
    'syntax = "proto3"; enum E { X = 0; } service S { rpc M(E) returns (E); }',
    /^a\.proto:1:54: S\.M: E is no message$/,
  ],
  [
    'an enum without zero',
    'syntax = "proto3"; enum E { X = 1; }',
    /^a\.proto:1:29: the first value of enum E must be 0 in proto3$/,
  ],
  [
    'a number twice',
    'syntax = "proto3";\nmessage A { int32 a = 1;\n  int32 b = 1; }',
    /^a\.proto:3:9: message A has 1 twice, at b, before in line 2$/,
  ],
  [
    'a field of a oneof outside of it',
    'syntax = "proto3"; message A { oneof x { int32 a = 1; } int32 x = 2; }',
    /^a\.proto:1:63: message A has x twice/,
  ],
  [
    'a list in a oneof',
    'syntax = "proto3"; message A { oneof x { repeated int32 a = 1; } }',
    /^a\.proto:1:57: message A: a is repeated, which a oneof cannot have$/,
  ],
  [
    'a number that is reserved',
    'syntax = "proto3"; message A { reserved 2, 5 to 9; int32 a = 9; }',
    /^a\.proto:1:58: message A: the number 9 of a is reserved$/,
  ],
  [
    'a name that is reserved',
    'syntax = "proto3"; message A { int32 a = 1; reserved "a"; }',
    /^a\.proto:1:38: message A: the name a is reserved$/,
  ],
  [
    'a value that is reserved',
    'syntax = "proto3"; enum E { X = 0; Y = 7; reserved 5 to 7; }',
    /^a\.proto:1:36: enum E: the number 7 of Y is reserved$/,
  ],
  [
    'a method twice',
    'syntax = "proto3"; message A {} service S { rpc M(A) returns (A); rpc M(A) returns (A); }',
    /^a\.proto:1:71: service S has M twice/,
  ],
  [
    'two enums with one value',
    'syntax = "proto3"; enum E { X = 0; } enum F { X = 0; }',
    /^a\.proto:1:47: X is defined twice, before in line 1: enums share their scope$/,
  ],
  [
    'two values of one number',
    'syntax = "proto3"; enum E { X = 0; Y = 0; }',
    /^a\.proto:1:36: enum E has 0 twice/,
  ],
  [
    'a default of another type',
    'message A { optional int32 a = 1 [default = abc]; }',
    /^a\.proto:1:28: A\.a cannot have the default abc$/,
  ],
  [
    'a default that its enum has not',
    'enum E { X = 0; } message A { optional E a = 1 [default = Y]; }',
    /^a\.proto:1:42: A\.a cannot have the default Y$/,
  ],
  [
    'an extension of what is not there',
    'extend B { optional int32 z = 100; }',
    /^a\.proto:1:27: z: there is no type B/,
  ],
  [
    'a float as a key',
    'syntax = "proto3"; message A { map<float, int32> a = 1; }',
    /^a\.proto:1:36: the key of a map is an integer, a bool or a string$/,
  ],
  [
    'an import that is not there',
    'import "b.proto";',
    /^a\.proto imports b\.proto: there is no file b\.proto in any of the folders/,
  ],
  ['an import of itself', 'import "a.proto";', /a\.proto imports a\.proto/],
  [
    'an edition of the future',
    'edition = "2099";',
    /edition 2099 is not supported; 2023 and 2024 are/,
  ],
  ['a syntax that is none', 'syntax = "proto9";', /syntax proto9 is not known/],
  ['an option that is not there', 'syntax = "proto3"; option nope = 1;', /there is no option nope/],
  ['a comment without end', '/* x', /^a\.proto:1:1: a comment without its end$/],
  ['a text without end', 'import "x;', /^a\.proto:1:8: a text without its end$/],
  ['a sign that means nothing', 'syntax = "proto3"; ?', /^a\.proto:1:20: unexpected "\?"$/],
]

t.test('a mistake in a schema is said with file, line and column', t => {
  for (const [name, text, message] of WRONG) {
    t.throws(
      () => loadSchema(['a.proto'], file => (file === 'a.proto' ? text : undefined)),
      { name: 'GenerateError', message },
      name,
    )
  }
  t.end()
})

t.test('features of other languages are imported and set without a file of theirs', t => {
  const text = `edition = "2023"; import "google/protobuf/go_features.proto";
    import "google/protobuf/cpp_features.proto"; import "google/protobuf/java_features.proto";
    option features.(pb.go).api_level = API_OPAQUE;
    message A { string a = 1 [features.(pb.cpp).string_type = VIEW]; }`
  const files = loadSchema(['a.proto'], name => (name === 'a.proto' ? text : undefined))
  const [made] = generate(files, ['a.proto'], parseOptions('descriptors=embed'))
  t.match(made!.content, /a\?: string/, 'the field is there')
  t.notMatch(made!.content, /features/, 'nothing of them is imported')
  t.end()
})

t.test('words of the language may be names', t => {
  const text = `syntax = "proto3"; message message { message.enum enum = 1; enum enum { option = 0; reserved = 1; }
    string option = 2; string group = 3; string map = 4; string optional = 5; stream stream = 6; message stream {} string reserved = 7; string oneof = 8; int32 extend = 9; }
    service rpc { rpc rpc(message) returns (message); }`
  t.equal(loadSchema(['a.proto'], () => text)[0]!.messageType[0]!.field.length, 9)
  t.end()
})
