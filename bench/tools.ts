import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

/** A command with its arguments. */
export type Command = readonly [command: string, ...args: string[]]

/** Which core a process belongs to: what is measured runs on one, what loads it on another. */
export const Core = { measured: 0, loader: 1 } as const

/** The output of a command, or undefined if it is not installed or fails. */
export function outputOf(...[command, ...args]: Command): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
}

/** Version of h2load, or undefined if it is not installed. */
export const H2LOAD: string | undefined = outputOf('h2load', '--version')?.trim()

/** Version of the Go toolchain, or undefined if it is not installed. */
export const GO: string | undefined = outputOf('go', 'version')?.trim()

const PINNING =
  cpus().length > 1 &&
  outputOf('taskset', '-c', String(Core.loader), process.execPath, '--version') !== undefined

/** Version of Cargo, or undefined if it is not installed. */
export const CARGO: string | undefined = outputOf('cargo', '--version')?.trim()

/** Puts a command on one core, where `taskset` exists and there are two cores. */
export function pinned(core: number, ...command: Command): Command {
  return PINNING ? ['taskset', '-c', String(core), ...command] : command
}

/** What the figures of this run depend on, in one line. */
export function machine(): string {
  const list = cpus()
  const placing = PINNING ? 'measured on core 0, loader on core 1' : 'processes not pinned'
  return `Node ${process.version}, ${list.length} x ${list[0]?.model.trim() ?? 'CPU'}, ${placing}`
}
