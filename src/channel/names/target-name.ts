import { formatAddress, parseDialAddress } from '../../transport/index.js'

/** What an address of a client stands for. */
export type TargetName =
  /** One server, as a transport has it. */
  | { readonly kind: 'address'; readonly address: string }
  /** Servers that are listed. */
  | { readonly kind: 'list'; readonly addresses: readonly string[] }
  /** All addresses of a host name. */
  | { readonly kind: 'dns'; readonly host: string; readonly port: number; readonly address: string }

/** Port of a name without one. gRPC naming.md. */
const PORT = 443
/** Addresses in one list. Reason: a mistake rather than a fleet; those have names. */
const LISTED_MAX = 1_000
const FORMS =
  'host:port, dns:///name:port, ipv4:1.2.3.4:port,..., ipv6:[::1]:port,..., unix:/path, unix-abstract:name, or several with commas'

/**
 * Parses the address of a client. gRPC naming.md.
 *
 * @throws TypeError with the text given, when it is none of the forms; RangeError when a path or a list is too long
 */
export function parseTargetName(text: string): TargetName {
  if (text.startsWith('dns:')) return parseDns(text)
  const [scheme = '', rest = ''] = split(text, ':')
  if (scheme === 'ipv4' || scheme === 'ipv6') {
    return listed(
      text,
      rest.split(',').map(each => withPort(text, each, scheme)),
    )
  }
  if (text.includes('://') && scheme !== 'unix') {
    throw new TypeError(
      `address '${shown(text)}' has a scheme that is not known; expected ${FORMS}`,
    )
  }
  if (text.includes(',') && scheme !== 'unix' && scheme !== 'unix-abstract') {
    return listed(
      text,
      text.split(',').map(each => each.trim()),
    )
  }
  return { kind: 'address', address: text }
}

/** `dns:host[:port]`, `dns:///host[:port]`. */
function parseDns(text: string): TargetName {
  const rest = text.slice('dns:'.length)
  if (rest.startsWith('//') && !rest.startsWith('///')) {
    const [authority] = split(rest.slice(2), '/')
    throw new TypeError(
      `address '${shown(text)}' names the DNS server '${authority}'; use dns:///name:port, which asks those of the system`,
    )
  }
  const name = rest.replace(/^\/\/\//, '')
  const address = withPort(text, name, 'dns')
  const { host, port } = parseDialAddress(address)
  if (host === undefined)
    throw new TypeError(`address '${text}' has no host name; expected dns:///name:port`)
  return { kind: 'dns', host, port: port!, address }
}

/** As a transport takes it: with a port, and of its family. */
function withPort(text: string, given: string, scheme: 'dns' | 'ipv4' | 'ipv6'): string {
  const member = given.trim()
  const isBare = scheme === 'ipv4' ? !member.includes(':') : isWithoutPort(member)
  const host = member.replace(/^\[(.*)\]$/, '$1')
  const address = isBare ? formatAddress(host, PORT) : member
  const fault = `address '${shown(text)}': ${member === '' ? 'a member is empty' : `'${shown(member)}' is no ${scheme === 'dns' ? 'name:port' : `${scheme} address with a port`}`}`
  if (member === '' || (scheme === 'ipv4' && !/^\d+(\.\d+){3}(:\d+)?$/.test(member))) {
    throw new TypeError(fault)
  }
  if (scheme === 'ipv6' && !/:.*:/.test(host)) throw new TypeError(fault)
  try {
    parseDialAddress(address)
  } catch (cause) {
    throw new TypeError(fault, { cause })
  }
  return address
}

/** A name alone, `[::1]`, or an IPv6 address that nobody has put in brackets. */
function isWithoutPort(member: string): boolean {
  if (member.startsWith('[')) return member.endsWith(']')
  const colons = member.split(':').length - 1
  return colons !== 1
}

function listed(text: string, addresses: readonly string[]): TargetName {
  if (addresses.length > LISTED_MAX) {
    throw new RangeError(
      `address lists ${addresses.length} servers; at most ${LISTED_MAX} may be: give them a name in DNS, or a registry`,
    )
  }
  for (const [index, address] of addresses.entries()) {
    try {
      parseDialAddress(address)
    } catch (cause) {
      throw new TypeError(
        `member ${index + 1} of address '${shown(text)}': ${(cause as Error).message}`,
        { cause },
      )
    }
  }
  const unique = [...new Set(addresses)]
  return unique.length === 1
    ? { kind: 'address', address: unique[0]! }
    : { kind: 'list', addresses: unique }
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

/** Without user information, which is a secret, and not at any length. */
function shown(text: string): string {
  const safe = text.replace(/^(.*:\/\/)?.*@/s, '$1***@')
  return safe.length > 200 ? `${safe.slice(0, 200)}...` : safe
}
