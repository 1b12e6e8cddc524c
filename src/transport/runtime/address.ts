import type { RawAddress } from './runtime.js'

/** A parsed address: a TCP host and port, or the path of a unix socket. */
export interface Address extends RawAddress {
  /** As it was given. */
  readonly text: string
  /** Last port of a range; the same as `port` without one. */
  readonly portMax: number
  /** A socket that listens already: its descriptor. */
  readonly fd?: number | undefined
}

const PORT_MAX = 65_535
/** What fits `sun_path` before its NUL; the system cuts the rest off. Unit: octets. */
const UNIX_PATH_SIZE_MAX: number = /^(?:darwin|.*bsd)$/.test(process.platform) ? 103 : 107
const FORMS = 'host:port, [::1]:port, :port or unix:/path'
const ABSTRACT = 'unix-abstract:'

/** host in the characters of `:authority`, or bracketed IPv6, or nothing; port; end of a range. */
const TCP = /^(?:\[([\da-fA-F:.%\w]+)\]|([\w.~!$&'()*+;=-]*)):(\d{1,5})(?:-(\d{1,5}))?$/

/**
 * Parses an address to listen on: `host:port`, `[::1]:port`, `:port` for every interface, port 0
 * for a free port, `host:min-max` for the first free port of a range, `unix:/path`, `unix-abstract:name`.
 *
 * @throws TypeError with the text given when it is none of these; RangeError when the path is too
 * long for a socket.
 */
export function parseListenAddress(text: string): Address {
  const address = parse(text, `${FORMS}, or host:min-max`)
  if (address.portMax < (address.port ?? 0)) {
    throw new TypeError(`address '${text}': the port range ends before it starts`)
  }
  return address
}

/**
 * Parses an address to connect to: `host:port`, `[::1]:port`, `:port` for this machine,
 * `unix:/path`, `unix-abstract:name`.
 *
 * @throws TypeError with the text given when it is none of these; RangeError when the path is too
 * long for a socket.
 */
export function parseDialAddress(text: string): Address {
  const address = parse(text, FORMS)
  if (address.path === undefined && (address.port === 0 || address.portMax !== address.port)) {
    throw new TypeError(`address '${text}': a client needs one port from 1 to ${PORT_MAX}`)
  }
  return address
}

/** Formats an address as `host:port`, with IPv6 in brackets. */
export function formatAddress(host: string | undefined, port: number | undefined): string {
  if (host === undefined || port === undefined) return ''
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** An address of IPv4 or IPv6, not a name that has to be looked up. */
export function isLiteral(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host)
}

function parse(text: string, forms: string): Address {
  if (typeof text !== 'string') {
    throw new TypeError(`address is of type ${typeof text}; expected ${forms}`)
  }
  if (text.startsWith(ABSTRACT)) return parseAbstract(text)
  if (text.startsWith('unix:')) return parseUnix(text)
  const match = TCP.exec(text)
  if (match === null) {
    throw new TypeError(
      `address '${shownAddress(text)}' is not understood; expected ${forms}${hintFor(text)}`,
    )
  }
  const [, ipv6, name, first, last] = match
  const port = Number(first)
  const portMax = last === undefined ? port : Number(last)
  if (port > PORT_MAX || portMax > PORT_MAX) {
    throw new TypeError(`address '${text}': ports go up to ${PORT_MAX}`)
  }
  const host = ipv6 ?? (name === '' ? undefined : name)
  return { text, host, port, portMax, path: undefined }
}

/** Without user information, which is a secret. */
export function shownAddress(text: string): string {
  return text.replace(/^(.*:\/\/)?.*@/s, '$1***@')
}

function hintFor(text: string): string {
  if (text.includes('@'))
    return ', without user information: that belongs in `credentials` or metadata'
  if (text.includes('://')) return ' without a scheme'
  return /[^\0-\x7f]/.test(text) ? ', with an international name in ASCII (xn--...)' : ''
}

/** A name of its own in the kernel, without a file: it goes with its server, and every user of the machine may connect. */
function parseAbstract(text: string): Address {
  const name = text.slice(ABSTRACT.length)
  if (name === '' || name.includes('\0')) {
    throw new TypeError(`address '${text}' has no name; expected unix-abstract:name`)
  }
  if (process.platform !== 'linux') {
    throw new TypeError(`address '${text}': only Linux has abstract sockets; use unix:/path`)
  }
  const size = Buffer.byteLength(name)
  if (size > UNIX_PATH_SIZE_MAX) {
    throw new RangeError(
      `address '${text}': the name is ${size} octets; an abstract socket's has at most ${UNIX_PATH_SIZE_MAX}`,
    )
  }
  return { text, host: undefined, port: undefined, portMax: 0, path: `\0${name}` }
}

function parseUnix(text: string): Address {
  // gRPC also writes an absolute path as unix:///path.
  const path = text.slice(5).replace(/^\/\/(?=\/)/, '')
  if (path === '' || path.includes('\0')) {
    throw new TypeError(`address '${text}' has no path; expected unix:/path`)
  }
  if (path.startsWith('@')) {
    throw new TypeError(
      `address '${text}': an abstract socket is unix-abstract:${path.slice(1)}; for a file of that name: unix:./${path}`,
    )
  }
  const size = Buffer.byteLength(path)
  if (size > UNIX_PATH_SIZE_MAX) {
    throw new RangeError(
      `address '${text}': the path is ${size} octets; a unix socket's has at most ${UNIX_PATH_SIZE_MAX}`,
    )
  }
  return { text, host: undefined, port: undefined, portMax: 0, path }
}
