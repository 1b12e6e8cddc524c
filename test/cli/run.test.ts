import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/cli/run.js'

const fixtures = join(import.meta.dirname, '../../../test/micro/fixtures')
const greeter = join(fixtures, 'greeter.proto')
const include = join(fixtures, 'include')

async function microwireTypes(
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(args, {
    print: text => {
      out += text
    },
    complain: text => {
      err += text
    },
  })
  return { code, out, err }
}

t.test('--version prints the version of the package', async t => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  for (const name of ['--version', '-v']) {
    t.same(await microwireTypes(name), { code: 0, out: `${version}\n`, err: '' })
  }
})

t.test('prints types', async t => {
  const { code, out, err } = await microwireTypes('-I', include, greeter)
  t.equal(code, 0)
  t.equal(err, '')
  t.match(out, /^\/\/ Made by microwire-types from greeter\.proto\. Do not edit\.\n/)
  t.match(out, /export interface Greeter \{/)
})

t.test('-o writes a file, --int64 and --module change what is printed', async t => {
  const file = join(t.testdir({}), 'greeter.ts')
  const { code, out } = await microwireTypes(
    ...['-I', include, '-o', file, '--int64', 'number', '--module', 'mine', greeter],
  )
  t.equal(code, 0)
  t.equal(out, '')
  const text = readFileSync(file, 'utf8')
  t.match(text, /from 'mine'/)
  t.match(text, / {2}big: number\n/)
})

t.test('a file that is missing or wrong: exit code 1, and where', async t => {
  const missing = await microwireTypes('nowhere.proto')
  t.equal(missing.code, 1)
  t.match(missing.err, /^microwire-types: cannot load nowhere\.proto: ENOENT/)
  const dir = t.testdir({ 'broken.proto': 'syntax = "proto3";\nmessage {' })
  const broken = await microwireTypes(join(dir, 'broken.proto'))
  t.equal(broken.code, 1)
  t.match(broken.err, /line 2/)
})

t.test('wrong arguments: exit code 2 and the usage; -h: 0', async t => {
  for (const [args, text] of [
    [[], 'no .proto file given'],
    [['--nothing', 'a.proto'], '--nothing'],
    [['--int64', 'long', 'a.proto'], '--int64 long is unknown'],
  ] as const) {
    const { code, err } = await microwireTypes(...args)
    t.equal(code, 2)
    t.ok(err.includes(text), text)
    t.match(err, /usage: microwire-types/)
  }
  const help = await microwireTypes('-h')
  t.equal(help.code, 0)
  t.match(help.out, /^usage/)
})
