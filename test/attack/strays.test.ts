import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

// What nobody catches ends a process that serves others. Whoever runs our code must say so: each
// runner is played with an unhandled rejection or an exception planted in one of its processes.

const BUILD = join(import.meta.dirname, '..', '..')
const ROOT = join(BUILD, '..')
const STRAY = pathToFileURL(join(BUILD, 'test', 'support', 'stray.js')).href

interface Ended {
  readonly code: number | null
  readonly output: string
}

/** Runs a program; `stray`: which process has what, and when. */
function run(path: string, args: readonly string[], stray: string): Promise<Ended> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_OPTIONS: `--import=${STRAY}`,
    PLANTED_STRAY: stray,
  }
  delete env['NODE_V8_COVERAGE']
  const child = spawn(process.execPath, [path, ...args], { cwd: ROOT, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  return new Promise(resolve => child.once('close', code => resolve({ code, output })))
}

const HUNT = { target: 'huffman', seed: 1, timeMs: 300, runsMax: 1e9, corpus: '', crashes: '' }
const FUZZ = [JSON.stringify(HUNT)]
const ATTACK = ['E8-http1', '--scale', '0.02', '--patience', '0.2']
const SOAK = ['--minutes', '0.001', '--phases', 'mixed']
const FAILED = /0 passed, 1 failed/

/** What is run, with which arguments; what is planted where and when; what it must say. */
const RUNNERS: readonly (readonly [string, readonly string[], string, RegExp])[] = [
  ['fuzz/run-target.js', FUZZ, 'run-target,rejection,armed', /escapes: /],
  ['fuzz/run-target.js', FUZZ, 'run-target,exception,armed', /escapes: /],
  ['scripts/simulate.js', ['--brief'], 'simulate.js,rejection,armed', FAILED],
  ['scripts/simulate.js', ['--brief'], 'simulate.js,exception,end', /planted/],
  ['scripts/attack.js', ATTACK, 'server.js,rejection,armed', FAILED],
  ['scripts/attack.js', ATTACK, 'attacker.js,exception,500', FAILED],
  ['scripts/attack.js', ATTACK, 'attack.js,rejection,500', /planted/],
  ['scripts/soak.js', SOAK, 'soak.js,rejection,500', /planted/],
]

t.setTimeout(90_000)

for (const [script, args, stray, expected] of RUNNERS) {
  t.test(`${script} fails for what nobody caught: ${stray}`, async t => {
    const { code, output } = await run(join(BUILD, script), args, stray)
    t.not(code, 0, output)
    t.match(output, expected)
    t.match(output, /planted (?:rejection|exception)/)
  })
}

t.test('a test file fails for what nobody caught, and npm test with it', async t => {
  const folder = t.testdir()
  const tap = pathToFileURL(join(ROOT, 'node_modules', 'tap', 'dist', 'esm', 'index.js')).href
  const kinds = ['rejection', 'exception'].flatMap(kind => [`${kind},end`, `${kind},150`])
  const files = kinds.map((_, index) => join(folder, `planted-${index}.test.mjs`))
  for (const file of files) {
    writeFileSync(
      file,
      `import t from '${tap}'\nt.test('passes', () => new Promise(done => setTimeout(done, 300)))\n`,
    )
  }
  // What an exit listener throws comes when tap has heard the last of the file; and no run may print a secret.
  for (const [name, line] of [
    ['exit', "process.on('exit', () => { throw new Error('planted exception') })"],
    ['secret', "console.log('token:', ['hush', 'planted', '0000'].join('-'))"],
  ] as const) {
    const file = join(folder, `planted-${name}.test.mjs`)
    files.push(file)
    writeFileSync(file, `import t from '${tap}'\n${line}\nt.test('passes', async t => t.pass())\n`)
  }
  const runner = join(folder, 'runner.mjs')
  const module = pathToFileURL(join(BUILD, 'scripts', 'tap-run.js')).href
  writeFileSync(
    runner,
    `import { runTap } from '${module}'\nconst { failures } = await runTap(${JSON.stringify(files)}, { jobs: 2 })\n` +
      "console.log('FAILURES', failures.join(' '))\n",
  )
  const strays = kinds.map((kind, index) => `planted-${index}.test.mjs,${kind}`)
  const { output } = await run(runner, [], strays.join(';'))
  const failures = /FAILURES (.*)/.exec(output)?.[1] ?? ''
  for (const file of files) t.match(failures, file.slice(folder.length))
})
