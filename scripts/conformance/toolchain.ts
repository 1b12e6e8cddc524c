import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Unavailable } from './suite.js'

const run = promisify(execFile)

/** Everything that is built or downloaded lies here; git ignores it. */
export const CACHE: string = resolve('.cache')

const BUILD_TIME_MAX_MS = 20 * 60_000

/** A Go program by import path and version. */
export interface GoProgram {
  /** Name of its folder in the cache; programs of one name must not meet. */
  readonly name: string
  readonly package: string
  readonly version: string
  readonly fallback?: GoFallback
  /** Folder of a module of ours whose go.mod and go.sum pin it and all that it needs; it is built out of it. */
  readonly module?: string
}

/** What is built instead where Go cannot have the version asked for: the same package, out of a module of ours. */
export interface GoFallback {
  /** With a go.mod and a go.sum that pin everything. */
  readonly folder: string
  /** What go.mod says, for the reader. */
  readonly version: string
}

/** A program that is ready to be started. */
export interface Tool {
  readonly path: string
  /** What was asked for, or `given` for a program out of MICROWIRE_TOOLS. */
  readonly version: string
  /** Why it is not the version asked for. */
  readonly note?: string
}

/**
 * A program of this name in the folder MICROWIRE_TOOLS, if there is one: for machines on which
 * it was built by other means. Its version is not known to us, and the row says so.
 */
function givenTool(name: string): Tool | undefined {
  const folder = process.env['MICROWIRE_TOOLS']
  if (folder === undefined || folder === '') return undefined
  const path = resolve(folder, name)
  return existsSync(path) ? { path, version: 'given' } : undefined
}

/** Installs a Go program of that very version, once. */
export async function goProgram(program: GoProgram): Promise<Tool> {
  const given = givenTool(program.name)
  if (given !== undefined) return { ...given, version: `given for ${short(program.version)}` }
  const folder = join(CACHE, 'go', `${program.name}@${program.version}`)
  const path = join(folder, program.package.split('/').at(-1)!)
  const { fallback, module } = program
  if (!existsSync(path)) {
    const target = `${program.package}@${program.version}`
    if (module !== undefined) {
      await go(['build', '-o', path, program.package], module, {}, target)
      return { path, version: short(program.version) }
    }
    try {
      await go(['install', target], process.cwd(), { GOBIN: folder }, target)
    } catch (error) {
      if (fallback === undefined || !(error instanceof Unavailable)) throw error
      return await fallbackProgram(program, fallback, error.message)
    }
  }
  return { path, version: short(program.version) }
}

async function fallbackProgram(
  program: GoProgram,
  { folder, version }: GoFallback,
  reason: string,
): Promise<Tool> {
  const path = join(CACHE, 'go', `${program.name}@${version}`, program.name)
  const target = `${program.package} ${version}`
  await go(['build', '-o', path, program.package], folder, {}, target)
  const wanted = short(program.version)
  const note = `${version} in place of ${wanted}, which the module proxy does not serve. ${reason}`
  return { path, version: `${version} for ${wanted}`, note }
}

/** Builds the Go program in `folder` into the cache. Go itself sees what has not changed. */
export async function goBuild(name: string, folder: string, flags: string[] = []): Promise<Tool> {
  const given = givenTool(name)
  if (given !== undefined) return given
  const path = join(CACHE, 'go', name)
  await go(['build', ...flags, '-o', path, '.'], folder, {}, name)
  return { path, version: '' }
}

/** Folder of a module's source in Go's module cache. */
export async function goModuleFolder(module: string, version: string): Promise<string> {
  const target = `${module}@${version}`
  const text = await go(['mod', 'download', '-json', target], process.cwd(), {}, target)
  return (JSON.parse(text) as { Dir: string }).Dir
}

async function go(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  what: string,
): Promise<string> {
  try {
    const { stdout } = await run('nice', ['-n', '10', 'go', ...args], {
      cwd,
      env: { ...process.env, ...env },
      timeout: BUILD_TIME_MAX_MS,
      maxBuffer: 1 << 26,
    })
    return stdout
  } catch (error) {
    throw new Unavailable(`Go could not build ${what}: ${lastLine(error)}.`)
  }
}

/** The command of an npm package, installed into the cache. */
export async function npmProgram(name: string, version: string, command: string): Promise<Tool> {
  const folder = join(CACHE, 'npm', `${name.replace(/\W+/g, '-')}@${version}`)
  const path = join(folder, 'node_modules', '.bin', command)
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true })
    const args = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund']
    try {
      await run('npm', [...args, '--ignore-scripts', `${name}@${version}`], { cwd: folder })
    } catch (error) {
      throw new Unavailable(`npm could not install ${name}@${version}: ${lastLine(error)}.`)
    }
  }
  return { path, version }
}

/** Libraries of a Debian package that is unpacked into the cache, for LD_LIBRARY_PATH. */
export interface DebianTool extends Tool {
  readonly env: Readonly<Record<string, string>>
}

/** Where Debian has programs, from the root. */
const PROGRAM_FOLDERS = ['usr/sbin', 'usr/bin']

/**
 * A program from Debian's packages: the installed one, or one unpacked into the cache together
 * with the libraries it needs. `packages[0]` is the one that holds it.
 */
export async function debianProgram(
  command: string,
  packages: readonly string[],
): Promise<DebianTool> {
  const installed = findInPath(command)
  if (installed !== undefined) {
    return { path: installed, version: await programVersion(installed), env: {} }
  }
  const folder = join(CACHE, 'debian')
  const root = join(folder, 'root')
  const places = PROGRAM_FOLDERS.map(part => join(root, part, command))
  const isThere = () => places.find(place => existsSync(place))
  if (isThere() === undefined) await unpackDebian(folder, root, packages)
  const path = isThere()
  if (path === undefined) throw new Unavailable(`Debian's ${packages[0]} has no ${command}.`)
  const libraries = ['usr/lib', 'lib'].map(part => join(root, part, 'x86_64-linux-gnu'))
  chmodSync(path, 0o755)
  const env = { LD_LIBRARY_PATH: libraries.join(delimiter) }
  return { path, version: await programVersion(path, env), env }
}

async function unpackDebian(
  folder: string,
  root: string,
  packages: readonly string[],
): Promise<void> {
  mkdirSync(root, { recursive: true })
  try {
    await run('apt-get', ['download', ...packages], { cwd: folder })
    for (const file of readdirSync(folder).filter(name => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', file, root], { cwd: folder })
    }
  } catch (error) {
    throw new Unavailable(`Debian's ${packages[0]} could not be had: ${lastLine(error)}.`)
  }
}

/** The version that a program says it has; of those that do not tell, nothing. */
export async function programVersion(
  path: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  for (const flag of ['--version', '-v']) {
    try {
      const { stdout, stderr } = await run(path, [flag], { env: { ...process.env, ...env } })
      const found = /\d+\.\d+\.\d+/.exec(stdout + stderr)
      if (found !== null) return found[0]
    } catch {
      // nginx knows the short one only.
    }
  }
  return ''
}

/** Where a command of the machine is, if it is there. */
export function findInPath(command: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin')
  return folders.map(folder => join(folder, command)).find(path => existsSync(path))
}

/** As `findInPath`, for a command that has to be there. */
export function installed(command: string, debianPackage: string): string {
  const path = findInPath(command)
  if (path === undefined) {
    throw new Unavailable(`${command} is not installed (Debian's package ${debianPackage}).`)
  }
  return path
}

function short(version: string): string {
  return /^[0-9a-f]{40}$/.test(version) ? version.slice(0, 7) : version
}

/** What the program said last, without the address of a registry. */
export function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string }
  const lines = (stderr || message).trim().split('\n')
  return lines
    .at(-1)!
    .trim()
    .replace(/https?:\/\/\S+/g, '')
    .replace(/[.:]+$/, '')
}
