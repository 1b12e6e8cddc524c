import { BlockList, isIP } from 'node:net'

/** Entries of one list; those behind are passed over. Reason: it is looked through for each session. */
const ENTRIES_MAX = 1_000

/**
 * Whether `host:port` is to be reached without a proxy, as `list` has it (the value of `no_proxy`): names with all below
 * them, with or without a dot ahead, addresses, networks like `10.0.0.0/8`, each with a port if need be; `*` is everything.
 */
export function isException(list: string, host: string, port: number | undefined): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return list
    .split(/[\s,]+/, ENTRIES_MAX)
    .some(entry => entry !== '' && matches(entry.toLowerCase(), name, port))
}

/** This machine itself: no proxy has a way to it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    isIn('127.0.0.0/8', name) ||
    name === '::1'
  )
}

function matches(entry: string, name: string, port: number | undefined): boolean {
  if (entry === '*') return true
  if (entry.includes('/')) return isIn(entry, name)
  const { host, only } = split(entry)
  if (only !== undefined && only !== port) return false
  if (isIP(host) !== 0 || isIP(name) !== 0) return host === name
  const suffix = host.replace(/^\*?\./, '')
  return name === suffix || name.endsWith(`.${suffix}`)
}

function split(entry: string): { host: string; only: number | undefined } {
  const match = /^\[(.*)\](?::(\d+))?$|^([^:]*):(\d+)$/.exec(entry)
  if (match === null) return { host: entry, only: undefined }
  const port = match[2] ?? match[4]
  return { host: match[1] ?? match[3]!, only: port === undefined ? undefined : Number(port) }
}

function isIn(network: string, name: string): boolean {
  const [address = '', length = ''] = network.split('/')
  const family = isIP(address)
  if (family === 0 || isIP(name) !== family || !/^\d+$/.test(length)) return false
  const prefix = Number(length)
  if (prefix > (family === 4 ? 32 : 128)) return false
  const kind = family === 4 ? 'ipv4' : 'ipv6'
  const block = new BlockList()
  block.addSubnet(address, prefix, kind)
  return block.check(name, kind)
}
