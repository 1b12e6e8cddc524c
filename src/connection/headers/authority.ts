import { quote } from './quote.js'

/** A name or an IPv4 address, or IPv6 in brackets, and a port. RFC 3986 §3.2.2, but for the comma: names with one are lists. */
const AUTHORITY =
  /^(?:\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z._~%-]+)?\]|(?:[0-9A-Za-z._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?$/

/**
 * Why `value` is not a valid authority, or undefined if it is. It may be empty: servers on unix
 * sockets have no name. A server that routes, logs or builds an address from it must not be given a
 * path, two names or a password. The result does not contain user information, which is secret. RFC
 * 9113 §8.3.1.
 */
export function authorityFault(name: string, value: string): string | undefined {
  if (AUTHORITY.test(value)) return undefined
  return value.includes('@')
    ? `${name} has user information; expected host or host:port`
    : `${name} is ${quote(value)}; expected host or host:port`
}
