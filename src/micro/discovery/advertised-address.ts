import type { Runtime } from '../../transport/index.js'

/** Every interface, as listeners say it. */
const WILDCARD = /^(?:\[::\]|0\.0\.0\.0|):(?=\d+$)/
/** RFC 1918, and RFC 6598 that clouds use alike. */
const PRIVATE_V4 =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
/** RFC 4193. */
const PRIVATE_V6 = /^f[cd]/i
/** What only its own link reaches, RFC 3927 and RFC 4291. */
const LINK_LOCAL = /^(?:169\.254\.|fe[89ab])/i
const LOOPBACK = /^(?:127\.|::1$)/
const LOOPBACK_ADDRESS = '127.0.0.1'

/**
 * The address that others are to dial. `wanted` has all of it, a port alone (`:30080`, for a port that
 * is mapped), or a host alone; what it leaves out is that of the listener. A listener on every interface
 * has the host that go-micro takes: the first private address, else a public one, else loopback.
 */
export function advertisedAddress(
  listening: string,
  wanted: string | undefined,
  runtime: Pick<Runtime, 'interfaceAddresses'>,
): string {
  const port = /:(\d+)$/.exec(listening)?.[1]
  if (wanted !== undefined && !/^:\d+$/.test(wanted)) {
    const isHost =
      port !== undefined &&
      (/^[^:/]+$/.test(wanted) || /^[\da-f]*:[\da-f:.]*:[\da-f.]*$/i.test(wanted))
    return isHost ? `${bracketed(wanted)}:${port}` : wanted
  }
  const own = listening.replace(WILDCARD, () => `${bracketed(hostOf(runtime))}:`)
  return wanted === undefined ? own : own.replace(/:\d+$/, wanted)
}

function hostOf(runtime: Pick<Runtime, 'interfaceAddresses'>): string {
  const all = (runtime.interfaceAddresses?.() ?? []).filter(
    address => !LINK_LOCAL.test(address) && !LOOPBACK.test(address),
  )
  const isV4 = (address: string) => !address.includes(':')
  return (
    all.find(address => isV4(address) && PRIVATE_V4.test(address)) ??
    all.find(address => !isV4(address) && PRIVATE_V6.test(address)) ??
    all.find(isV4) ??
    all[0] ??
    LOOPBACK_ADDRESS
  )
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
