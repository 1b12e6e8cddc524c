/** First descriptor that systemd passes. sd_listen_fds(3). */
const FIRST = 3

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The descriptor of a listening socket that this process was started with, for an address `fd:3`, `systemd:` or `systemd:name`.
 * Undefined: the address is of another form.
 *
 * @throws TypeError naming what is missing
 */
export function handedSocket(
  address: string,
  env: Environment = process.env,
  pid: number = process.pid,
): number | undefined {
  const match = /^(fd|systemd):(.*)$/s.exec(address)
  if (match === null) return undefined
  const [, scheme, rest] = match
  // A worker would ask its primary for the number, which means something else there.
  if (env['NODE_UNIQUE_ID'] !== undefined) {
    throw new TypeError(
      `address '${address}': a worker of node:cluster has no sockets of its own; let the primary listen there, and the workers at the same host:port`,
    )
  }
  return scheme === 'fd' ? numbered(address, rest!) : activated(address, rest!, env, pid)
}

function numbered(address: string, text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new TypeError(
    `address '${address}' has no number; expected fd:3, the descriptor of a listening socket`,
  )
}

/** The variables stay: they name this process, and mean nothing to its children. */
function activated(address: string, name: string, env: Environment, pid: number): number {
  const count = Number(env['LISTEN_FDS'])
  if (env['LISTEN_PID'] !== String(pid) || !(count > 0)) {
    throw new TypeError(
      `address '${address}': no socket was passed by systemd (LISTEN_PID is ${shown(env['LISTEN_PID'])}, this process ${pid}; LISTEN_FDS is ${shown(env['LISTEN_FDS'])}); start it by a .socket unit`,
    )
  }
  if (name === '') return FIRST
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':').slice(0, count)
  const at = names.indexOf(name)
  if (at >= 0) return FIRST + at
  throw new TypeError(
    `address '${address}': systemd passed ${names.join(', ') || 'no names'} (FileDescriptorName=)`,
  )
}

function shown(value: string | undefined): string {
  return value === undefined ? 'not set' : `'${value.slice(0, 20)}'`
}

/** @throws Error ENOTSUP where this Node or system lets no two sockets listen at one port */
export function checkReusePort(
  version: string = process.versions.node,
  platform: string = process.platform,
): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNew = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  const isAble = ['linux', 'freebsd', 'dragonfly', 'sunos', 'aix'].includes(platform)
  if (isNew && isAble) return
  const why = isAble
    ? `needs Node 22.12 or 23.1, this is ${version}`
    : `is not offered by ${platform}`
  throw Object.assign(
    new Error(`reusePort ${why}; let node:cluster share the port, or hand the socket over (fd:3)`),
    { code: 'ENOTSUP' },
  )
}
