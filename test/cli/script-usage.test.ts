import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

// The programs of the repository: what a contributor types first.

const BUILD = join(import.meta.dirname, '../..')
/** Programs of package.json by their script: the file that runs. */
const PROGRAMS: ReadonlyMap<string, string> = programs()

function programs(): Map<string, string> {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    scripts: Record<string, string>
  }
  const found = new Map<string, string>()
  for (const [name, command] of Object.entries(scripts)) {
    const path = /node (?:--\S+ )?\.build\/(\S+)\.js$/.exec(command)?.[1]
    if (path !== undefined) found.set(name, path)
  }
  return found
}

interface Outcome {
  readonly exitCode: unknown
  readonly stdout: string
  readonly stderr: string
}

function run(name: string, word: string): Promise<Outcome> {
  const file = join(BUILD, `${PROGRAMS.get(name)}.js`)
  const { NODE_OPTIONS: _, ...env } = process.env
  return new Promise(resolve => {
    execFile(process.execPath, [file, word], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr })
    })
  })
}

t.test('every program of package.json reads its arguments in one way, with a usage', t => {
  t.ok(PROGRAMS.size >= 12, [...PROGRAMS.keys()].join())
  for (const [name, path] of PROGRAMS) {
    const source = readFileSync(`${path}.ts`, 'utf8')
    t.match(source, /read(?:Arguments|Words)\(USAGE, \{/, `${name}: a usage`)
    t.notMatch(source, /[^.\w]parseArgs\(|process\.argv\.slice\(2\)\n/, `${name}: no other way`)
    const command = name === 'test' || name === 'start' ? `npm ${name}` : `npm run ${name}`
    const usage = /const USAGE = `([^`]*)`/.exec(source)?.[1] ?? ''
    t.match(usage, command, `${name}: says how it is called`)
  }
  t.end()
})

/** Those that begin quickly. */
const QUICK = ['coverage', 'test', 'faults']

t.test('--help prints the usage', async t => {
  for (const name of QUICK) {
    const { exitCode, stdout, stderr } = await run(name, '--help')
    t.same([exitCode, stderr], [0, ''], name)
    t.match(stdout, `npm ${name === 'test' ? '' : 'run '}${name}`)
  }
})

t.test('unknown words, options and values are answered with the usage, never a stack', async t => {
  for (const [name, word, said] of [
    ...QUICK.flatMap(name => [
      [name, '--nonsense', "Unknown option '--nonsense'"] as const,
      [name, 'nonsense', 'nonsense'] as const,
    ]),
    ['fuzz', '--seconds=long', "--seconds is 'long'; expected a number of 0 or more"],
    ['simulate', '--seeds=1.5', "--seeds is '1.5'; expected a whole number"],
  ] as const) {
    const { exitCode, stdout, stderr } = await run(name, word)
    t.same([exitCode, stdout], [2, ''], `${name} ${word}`)
    t.match(stderr, said)
    t.match(stderr, /npm (?:run )?[a-z]/, 'the usage')
    t.notMatch(stderr, /^\s+at /m, 'no stack')
  }
})
