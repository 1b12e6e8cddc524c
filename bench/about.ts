import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { PEERS, ROOT } from './paths.js'
import { GO, H2LOAD, machine, outputOf } from './tools.js'

/** What the rows of a run depend on: written beside them. */
export interface About {
  /** Day of the run: `2026-01-31`. */
  readonly date: string
  readonly command: string
  readonly machine: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  /** Commit of the working tree; with `+` if there were changes. */
  readonly commit: string
  /** Versions of Node, loaders and peers. */
  readonly versions: Readonly<Record<string, string>>
  /** The number of a contest's target in docs/benchmarks.md, by `suite, name`. */
  readonly contests: Readonly<Record<string, string>>
}

/** Tells of this run, which was started with `args`. */
export function aboutRun(args: readonly string[], contests: About['contests']): About {
  const commit = outputOf('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')?.trim() ?? 'unknown'
  const changes = outputOf('git', '-C', ROOT, 'status', '--porcelain', 'src', 'bench')?.trim() ?? ''
  return {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run bench -- ${args.join(' ')}`,
    machine: machine(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    commit: commit + (changes === '' ? '' : '+'),
    versions: {
      node: process.version,
      h2load: H2LOAD ?? 'not installed',
      go: GO ?? 'not installed',
      '@grpc/grpc-js': versionIn(`${ROOT}package.json`, '@grpc/grpc-js'),
      'hpack.js': versionIn(`${ROOT}package.json`, 'hpack.js'),
      protobufjs: versionIn(`${ROOT}package.json`, 'protobufjs'),
      '@connectrpc/connect-node': versionIn(`${PEERS}/package.json`, '@connectrpc/connect-node'),
    },
    contests,
  }
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function versionIn(file: string, name: string): string {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  return dependencies?.[name] ?? devDependencies?.[name] ?? 'unknown'
}
