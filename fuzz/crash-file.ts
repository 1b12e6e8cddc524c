import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { digest } from './invariant.js'

/** An input that once failed, kept as text: comments, then hex. */
export interface Crash {
  readonly target: string
  readonly about: string
  readonly bytes: Buffer
}

const COLUMNS = 64

/** Writes `<folder>/<target>-<digest>.hex` and returns its path. */
export function writeCrash(folder: string, crash: Crash): string {
  mkdirSync(folder, { recursive: true })
  const name = `${crash.target}-${digest(crash.bytes).toString(16).padStart(8, '0')}.hex`
  const about = crash.about.split('\n').map(line => `# ${line}`)
  const hex = crash.bytes.toString('hex').match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? []
  const path = join(folder, name)
  writeFileSync(path, [`# target: ${crash.target}`, ...about, ...hex, ''].join('\n'))
  return path
}

/** @throws Error when the first line does not name the target. */
export function readCrash(path: string): Crash {
  const lines = readFileSync(path, 'utf8').split('\n')
  const target = /^# target: (\S+)$/.exec(lines[0] ?? '')?.[1]
  if (target === undefined)
    throw new Error(`${path}: expected '# target: <name>' in the first line`)
  const about = lines
    .slice(1)
    .filter(line => line.startsWith('#'))
    .map(line => line.slice(2))
    .join('\n')
  const hex = lines.filter(line => !line.startsWith('#')).join('')
  return { target, about, bytes: Buffer.from(hex, 'hex') }
}

/** Paths of all crash files in `folder`, sorted. */
export function crashFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.hex'))
    .sort()
    .map(name => join(folder, name))
}
