import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { countersLine, instrument } from './instrument.js'

/** A change to one compiled file, as a test of the fuzzer itself. */
export interface Change {
  /** Below the build folder: `src/frame/frame-reader.js`. */
  readonly file: string
  /** Must occur exactly once. */
  readonly find: string
  readonly replace: string
}

/** Layers whose code counts; what drives them does not. */
const COUNTED = ['codec', 'frame', 'hpack', 'connection', 'grpc', 'transport', 'micro']
/** What is copied beside `src`. */
const COPIED = [
  'fuzz',
  'scripts/simulate',
  'scripts/arguments.js',
  'scripts/simulate.js',
  'scripts/strays.js',
  'test/support',
  'test/transport',
]

/** A copy of the compiled tree, with counters in it, that can be changed at will. */
export class Workspace {
  readonly folder: string
  readonly #build: string

  /** `build`: the compiled tree. `folder`: where the copy goes; inside the repository, so that packages are found. */
  constructor(build: string, folder: string) {
    this.#build = build
    this.folder = folder
    rmSync(folder, { recursive: true, force: true })
    for (const path of COPIED) {
      const source = join(build, path)
      cpSync(source, join(folder, path), { recursive: true, filter: isNoMap })
    }
    this.#copySource()
  }

  /** Applies a planted bug; returns what takes it back. @throws Error when the text is not there exactly once. */
  plant(change: Change): () => void {
    const original = readFileSync(join(this.#build, change.file), 'utf8')
    const parts = original.split(change.find)
    if (parts.length !== 2) {
      throw new Error(
        `${change.file}: ${JSON.stringify(change.find)} occurs ${parts.length - 1} times, not once`,
      )
    }
    const path = join(this.folder, change.file)
    const counted = readFileSync(path, 'utf8')
    // A file of a layer whose branches nobody counts is copied as it is.
    if (counted === original) {
      writeFileSync(path, parts.join(change.replace))
      return () => writeFileSync(path, counted)
    }
    const line = counted.slice(0, counted.indexOf('\n') + 1)
    const first = Number(/^\/\/ (\d+)/m.exec(counted.slice(line.length))?.[1] ?? 0)
    // Counters of the changed file may run into those of the next one, which costs nothing but precision.
    const changed = parts.join(change.replace)
    writeFileSync(path, `${line}// ${first}\n${instrument(path, changed, first).text}`)
    return () => writeFileSync(path, counted)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #copySource(): void {
    const source = join(this.#build, 'src')
    const files: { path: string; text: string; first: number }[] = []
    let total = 0
    for (const file of scriptsBelow(source)) {
      const path = relative(source, file)
      const text = readFileSync(file, 'utf8')
      if (!COUNTED.includes(path.split(/[\\/]/)[0]!)) {
        files.push({ path, text, first: -1 })
        continue
      }
      const first = total
      const counted = instrument(path, text, first)
      total = counted.next
      files.push({ path, text: counted.text, first })
    }
    // Room for planted bugs that add a branch.
    const line = countersLine((total + 64 + 3) & ~3)
    for (const { path, text, first } of files) {
      const target = join(this.folder, 'src', path)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, first < 0 ? text : `${line}\n// ${first}\n${text}`)
    }
  }
}

function isNoMap(path: string): boolean {
  return !path.endsWith('.map') && !path.endsWith('.d.ts')
}

function scriptsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.js'))
    .sort()
    .map(path => join(folder, path))
}
