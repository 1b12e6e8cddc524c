import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Unavailable } from '../../scripts/conformance/suite.js'
import { goBuild, goProgram } from '../../scripts/conformance/toolchain.js'
import { PROGRAMS } from '../../scripts/conformance/versions.js'

/** A folder with a program that does nothing, as MICROWIRE_TOOLS. */
function given(t: Test, name: string): string {
  const folder = t.testdir({ [name]: '' })
  const before = process.env['MICROWIRE_TOOLS']
  process.env['MICROWIRE_TOOLS'] = folder
  t.teardown(() => {
    if (before === undefined) delete process.env['MICROWIRE_TOOLS']
    else process.env['MICROWIRE_TOOLS'] = before
  })
  return join(folder, name)
}

/** `script` in place of `go`. Gives a folder. */
function fakeGo(t: Test, script: string): string {
  const root = t.testdir({ bin: { go: `#!/bin/sh\n${script}\n` }, fallback: {} })
  chmodSync(join(root, 'bin', 'go'), 0o755)
  const path = process.env['PATH']
  process.env['PATH'] = `${join(root, 'bin')}:${path}`
  t.teardown(() => {
    process.env['PATH'] = path
  })
  return join(root, 'fallback')
}

const program = {
  name: 'no-such-program',
  package: 'example.test/cmd/no-such-program',
  version: '0123456789abcdef0123456789abcdef01234567',
}

t.test('a program that is given is taken, and its row says so', async t => {
  const path = given(t, program.name)
  t.same(await goProgram(program), { path, version: 'given for 0123456' })
  t.same(await goBuild(program.name, 'nowhere'), { path, version: 'given' })
})

t.test('what Go cannot build is one sentence, without addresses', async t => {
  fakeGo(t, 'echo "go: reading https://proxy.example/x: 403 Forbidden" >&2; exit 1')
  const expected = new Unavailable(
    `Go could not build ${program.package}@${program.version}: go: reading  403 Forbidden.`,
  )
  await t.rejects(goProgram(program), expected)
})

t.test('a fallback is built out of its own module, and says in place of what', async t => {
  const folder = fakeGo(
    t,
    'test "$1" = build && test "$(basename "$PWD")" = fallback || { echo 403 Forbidden >&2; exit 1; }',
  )
  const tool = await goProgram({ ...program, fallback: { folder, version: 'v1' } })
  t.match(tool.path, /no-such-program@v1\/no-such-program$/)
  t.equal(tool.version, 'v1 for 0123456')
  t.match(tool.note, /^v1 in place of 0123456, .* 403 Forbidden\.$/)
})

t.test('a program that a module of ours pins is built out of that module', async t => {
  const folder = fakeGo(
    t,
    'test "$1" = build && test "$(basename "$PWD")" = fallback || { echo 403 Forbidden >&2; exit 1; }',
  )
  const tool = await goProgram({ ...program, version: 'v1.2.3', module: folder })
  t.match(tool.path, /no-such-program@v1\.2\.3\/no-such-program$/)
  t.same(tool.version, 'v1.2.3')
})

t.test('the version of a program is the one that its module pins', t => {
  for (const { package: path, version, module } of Object.values(PROGRAMS)) {
    if (module === undefined) continue
    const pins = [...readFileSync(join(module, 'go.mod'), 'utf8').matchAll(/^\s(\S+) (v\S+)/gm)]
    const pin = pins.find(([, name]) => path === name || path.startsWith(`${name}/`))
    t.equal(pin?.[2], version, path)
  }
  t.end()
})
