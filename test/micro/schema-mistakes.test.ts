import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadService } from '../../src/index.js'
import { generateTypes } from '../../src/micro/index.js'

/** Each mistake of a schema, the line that it is in, and what is said. */
const MISTAKES: readonly (readonly [text: string, line: number, said: string])[] = [
  ['message A {\n  string = 1;\n}', 3, "illegal name '='"],
  ['message A { string a = ; }', 2, "illegal id ';'"],
  ['message A {', 3, 'illegal end of input'],
  ['import "x.proto;', 2, 'illegal string'],
  ['/* never\nends', 4, 'illegal comment'],
  ['// Foo\nmessage A {\n  Foo foo = 2;\n}', 4, "no such Type or Enum 'Foo' in Type .a.A"],
  ['message A {}\nservice S {\n  rpc M(A) returns (Nope);\n}', 4, 'no such type: Nope'],
  ['enum E { Z = 0; }\nservice S { rpc M(E) returns (E); }', 3, 'no such type: E'],
  ['message A {\n  int32 x = 1;\n  int32 y = 1;\n}', 4, 'duplicate id 1 in Type A'],
  ['message A {\n  int32 x = 1;\n  int32 x = 2;\n}', 4, "duplicate name 'x' in Type A"],
  ['message A {}\nmessage B { A a = 1; }\nenum A { Z = 0; }', 4, "duplicate name 'A'"],
  ['message B { int32 A = 1; }\nmessage A {}\nmessage A {}', 4, "duplicate name 'A'"],
  ['enum E {\n  A = 0;\n  A = 1;\n}', 4, "duplicate name 'A' in Enum E"],
  ['message A {}\nservice S {\n  rpc M(A) returns (A);\n  rpc M(A) returns (A);\n}', 5, "name 'M'"],
  ['message A {\n  reserved 5;\n  int32 x = 5;\n}', 4, 'id 5 is reserved in Type A'],
  ['message A {\n  reserved "x";\n  int32 x = 5;\n}', 4, "name 'x' is reserved in Type A"],
  ['message A {\n  int32 line_no = 5;\n  int32 line_no = 6;\n}', 4, "duplicate name 'lineNo'"],
  ['message A {\n  int32 x = 0;\n}', 3, 'a.A.x: 0 is no number for a field: 1 to 536870911 are'],
  ['message A {\n  int32 x = 19000;\n}', 3, 'a.A.x: 19000 is no number for a field'],
  ['message A {\n  message B {\n    int32 x = 536870912;\n  }\n}', 4, 'a.A.B.x: 536870912 is no'],
  ['message A {\n  int32 __proto__ = 1;\n}', 3, 'what is named __proto__ cannot be loaded'],
  ['message A {}\nservice S {\n  rpc __proto__(A) returns (A);\n}', 4, 'use microwire generate'],
  ['enum E {\n  ONE = 1;\n}', 3, 'a.E.ONE: the first value of an enum must be 0'],
]

t.test('a mistake in a schema is told with file and line', async t => {
  const dir = t.testdir({})
  for (const [index, [text, line, said]] of MISTAKES.entries()) {
    const file = join(dir, `mistake-${index}.proto`)
    writeFileSync(file, `syntax = "proto3"; package a;\n${text}\n`)
    const { message } = await loadService(file, 'a.S').then(
      () => ({ message: 'loaded' }),
      (error: Error) => error,
    )
    t.match(message, said)
    t.equal(/ \((.*), line (\d+)\)$/.exec(message)?.slice(1).join(), `${file},${line}`, message)
    await t.rejects(generateTypes(file), { message }, 'of the types too')
  }
})

t.test('a mistake in an imported file names that file', async t => {
  const dir = t.testdir({
    'main.proto': 'syntax = "proto3"; import "other.proto"; service S { rpc M(A) returns (A); }',
    'other.proto': 'syntax = "proto3";\nmessage A {\n  int32 x = 1; int32 x = 2;\n}',
  })
  await t.rejects(loadService(join(dir, 'main.proto'), 'S'), {
    message: `cannot load ${join(dir, 'main.proto')}: duplicate name 'x' in Type A (${join(dir, 'other.proto')}, line 3)`,
  })
  writeFileSync(join(dir, 'other.proto'), 'syntax = "proto3";\nmessage A {\n  Nope x = 1; }')
  await t.rejects(loadService(join(dir, 'main.proto'), 'S'), {
    message: /no such Type or Enum 'Nope' in Type \.A \(.*other\.proto, line 3\)$/,
  })
  // What failed before leaves nothing behind.
  writeFileSync(join(dir, 'other.proto'), 'syntax = "proto3"; message A {}')
  t.equal((await loadService(join(dir, 'main.proto'), 'S')).methods.length, 1)
})

t.test('a value of an enum of proto2 may begin with any number', async t => {
  const file = join(t.testdir({ 'old.proto': OLD }), 'old.proto')
  t.equal((await loadService(file, 'S')).methods.length, 1)
})

const OLD = `syntax = "proto2"; enum E { ONE = 1; } message A { optional E e = 536870911; }
service S { rpc M(A) returns (A); }`
