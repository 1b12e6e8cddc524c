import { describe } from '../../options/index.js'
import { formatAddress } from '../runtime/address.js'

/** An HTTP proxy that connections are made through. */
export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** `host:port`, for errors. */
  readonly text: string
  /** Value of `Proxy-Authorization`: a secret. Undefined: the proxy asks for none. */
  readonly authorization: string | undefined
}

/** Port of a proxy without one. RFC 9110 §4.2.1. */
const PORT = 80

/**
 * Parses `http://host:port`, with `user:password@` if the proxy asks for it; the scheme may be left out.
 *
 * @param name whose value it is, for the error, which never has the value: there may be a password in it
 * @throws TypeError when it is something else
 */
export function parseProxy(name: string, value: unknown): HttpProxy {
  const form = 'expected http://host:port, or http://user:password@host:port'
  if (typeof value !== 'string') throw new TypeError(`${name} is ${describe(value)}; ${form}`)
  let url: URL
  try {
    url = new URL(/^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`)
  } catch {
    // Without its cause, which quotes all of it.
    throw new TypeError(`${name} is no URL; ${form}`)
  }
  if (url.protocol !== 'http:') {
    throw new TypeError(
      `${name} is an ${url.protocol}// proxy; only plain HTTP is spoken with a proxy: ${form}`,
    )
  }
  if (url.hostname === '' || !['', '/'].includes(url.pathname)) {
    throw new TypeError(`${name} is no proxy: it has no host, or a path; ${form}`)
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? PORT : Number(url.port)
  if (port === 0) throw new TypeError(`${name} has port 0; ${form}`)
  return { host, port, text: formatAddress(host, port), authorization: basic(name, url) }
}

/** RFC 7617. */
function basic(name: string, { username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    throw new TypeError(`${name}: its user or password has a % that is no escape; write %25`)
  }
}
