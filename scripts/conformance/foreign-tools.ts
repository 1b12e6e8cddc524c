import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Unavailable } from './suite.js'
import { CACHE, installed, lastLine } from './toolchain.js'

const run = promisify(execFile)
const BUILD_TIME_MAX_MS = 20 * 60_000

/** Runs a step of a build; what fails makes the suite unavailable, in one sentence. */
async function step(
  what: string,
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  try {
    const all = { ...options, timeout: BUILD_TIME_MAX_MS, maxBuffer: 1 << 26 }
    return (await run('nice', ['-n', '10', command, ...args], all)).stdout
  } catch (error) {
    throw new Unavailable(`${what}: ${lastLine(error)}.`)
  }
}

/** A folder in the cache that belongs to what `files` say, and whether it is made already. */
function folderFor(name: string, files: readonly string[]): { path: string; made: boolean } {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(file))
  const path = join(CACHE, `${name}-${hash.digest('hex').slice(0, 12)}`)
  return { path, made: existsSync(path) }
}

/** Makes a folder of the cache whole or not at all. */
async function makeOnce(
  name: string,
  files: readonly string[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const { path, made } = folderFor(name, files)
  if (made) return path
  const part = `${path}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  await make(part)
  renameSync(part, path)
  return path
}

/** Python with the packages of a requirements file, and what protoc made of `protos`. */
export interface PythonTool {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
  /** Version of `grpcio`. */
  readonly version: string
}

/** Packages by pinned version beside the machine's own Python, which is left as it is. */
export async function pythonTool(
  requirements: string,
  protos: readonly string[],
): Promise<PythonTool> {
  const python = installed('python3', 'python3')
  const folder = await makeOnce('python', [requirements, ...protos], async part => {
    const packages = join(part, 'packages')
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps']
    // Wheels only: building C-core takes half an hour.
    pip.push('--only-binary', ':all:', '--target', packages, '-r', requirements)
    await step('pip could not install grpcio', python, pip)
    const code = join(part, 'code')
    mkdirSync(code)
    const flags = ['-Iinterop', `--python_out=${code}`, `--grpc_python_out=${code}`]
    const compiler =
      'import sys; sys.path.insert(0, sys.argv.pop(1)); from grpc_tools import protoc; '
    const main = `${compiler}sys.exit(protoc.main(sys.argv))`
    await step('grpcio-tools could not compile the schema', python, [
      '-c',
      main,
      packages,
      ...flags,
      ...protos,
    ])
  })
  const version = /^grpcio==(\S+)/m.exec(readFileSync(requirements, 'utf8'))![1]!
  const path = [join(folder, 'packages'), join(folder, 'code')].map(part => resolve(part)).join(':')
  return { path: python, version, env: { PYTHONPATH: path } }
}

/** The program of a Cargo package of ours, whose Cargo.lock pins all that it needs. */
export async function cargoBuild(folder: string, name: string): Promise<string> {
  const cargo = installed('cargo', 'cargo')
  const target = join(CACHE, 'cargo')
  const args = ['build', '--quiet', '--locked', '--target-dir', target]
  await step(`Cargo could not build ${name}`, cargo, args, { cwd: folder })
  return join(target, 'debug', name)
}

/** Class path of what a pom of ours asks for. */
export async function mavenClassPath(pom: string): Promise<string> {
  const maven = installed('mvn', 'maven')
  const folder = await makeOnce('maven', [pom], async part => {
    const file = join(part, 'classpath')
    const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath'
    await step('Maven could not resolve grpc-java', maven, [
      '--batch-mode',
      '--quiet',
      '--file',
      pom,
      plugin,
      `-Dmdep.outputFile=${file}`,
    ])
    writeFileSync(file, readFileSync(file, 'utf8').trim())
  })
  return readFileSync(join(folder, 'classpath'), 'utf8')
}
