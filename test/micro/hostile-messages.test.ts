import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadService } from '../../src/index.js'
import type { ServiceMethod } from '../../src/micro/index.js'

type Codec = NonNullable<ReturnType<ServiceMethod['request']['get']>>

const TREE = `
syntax = "proto3";
package hostile;
message Tree {
  Tree child = 1;
  map<string, string> notes = 2;
  string constructor = 3;
  string toString = 4;
}
service Trees { rpc Plant(Tree) returns (Tree); }
`

async function codecOf(t: Test, subtype: string): Promise<Codec> {
  const file = join(t.testdir({}), 'tree.proto')
  writeFileSync(file, TREE)
  const service = await loadService(file, 'hostile.Trees')
  return service.methods[0]!.request.get(subtype)!
}

/** Tree in tree in tree: tags and sizes only, the innermost empty. */
function nested(depth: number): Buffer {
  const parts: Buffer[] = []
  let size = 0
  for (let level = 0; level < depth; level++) {
    const head: number[] = [0x0a]
    let rest = size
    for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80)
    head.push(rest)
    parts.push(Buffer.from(head))
    size += head.length
  }
  return Buffer.concat(parts.reverse())
}

function decode(codec: Codec, bytes: Buffer): unknown {
  return codec.decode(bytes, 0, bytes.length)
}

t.test('F12: messages that nest without end are refused, and nothing is harmed', async t => {
  const codec = await codecOf(t, 'proto')
  t.match(decode(codec, nested(3)), { child: { child: {} } })
  t.throws(() => decode(codec, nested(300_000)), Error)
  // Groups that nobody knows, one in the other.
  t.throws(() => decode(codec, Buffer.alloc(300_000, 0x2b)), Error)
  t.match(decode(codec, nested(3)), { child: { child: {} } })

  const json = await codecOf(t, 'json')
  const deep = `${'{"child":'.repeat(200_000)}{}${'}'.repeat(200_000)}`
  t.throws(() => decode(json, Buffer.from(deep)), Error)
  t.match(decode(json, Buffer.from('{"child":{}}')), { child: {} })
})

t.test('F12: names that mean something to JavaScript are just names', async t => {
  const codec = await codecOf(t, 'proto')
  const entry = Buffer.concat([Buffer.from('\x0a\x09__proto__\x12\x08polluted', 'latin1')])
  const map = Buffer.concat([Buffer.of(0x12, entry.length), entry])
  const message = decode(codec, map) as { notes: Record<string, unknown> }
  t.equal(Object.getPrototypeOf({}), Object.prototype)
  t.type(message.notes, 'object')
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)

  const json = await codecOf(t, 'json')
  const text = '{"__proto__":{"polluted":1},"notes":{"__proto__":"polluted"}}'
  try {
    decode(json, Buffer.from(text))
  } catch (error) {
    t.type(error, Error)
  }
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)

  const named = { constructor: 'x', toString: 'y' }
  const bytes = Buffer.from(codec.encode(named))
  t.equal((decode(codec, bytes) as Record<string, unknown>)['constructor'], 'x')
})
