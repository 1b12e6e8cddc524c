/** The first of these environment variables that is set and not empty. */
export function environment(...names: readonly string[]): string | undefined {
  const variables = globalThis.process?.env ?? {}
  for (const name of names) {
    const value = variables[name]
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

/** The parts of an engine's URL. */
export interface EngineUrl {
  readonly protocol: string
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  readonly password: string | undefined
  /** Behind the port, without the slash. */
  readonly path: string
}

/**
 * Reads `protocol://user:password@host:port/path`; all but the host may be absent.
 *
 * @throws TypeError that says what is wrong, without what may be a secret
 */
export function engineUrl(
  name: string,
  text: string,
  protocols: Readonly<Record<string, number>>,
): EngineUrl {
  const [first] = Object.keys(protocols)
  const whole = text.includes('://') ? text : `${first}://${text}`
  const protocol = whole.slice(0, whole.indexOf(':'))
  const port = Object.hasOwn(protocols, protocol) ? protocols[protocol] : undefined
  if (port === undefined) {
    const known = Object.keys(protocols).join(':// or ')
    throw new TypeError(`${name} begins with ${protocol}://; expected ${known}://`)
  }
  let url: URL
  try {
    // Of a protocol that URL does not know it makes less of host and port.
    url = new URL(`http${whole.slice(protocol.length)}`)
  } catch {
    throw new TypeError(`${name} cannot be read; expected ${first}://user:password@host:port`)
  }
  // Port 80 is that of http, and URL drops it.
  const isEighty =
    url.port === '' && /:80(?:[/?#]|$)/.test(whole.slice(Math.max(0, whole.lastIndexOf('@'))))
  return {
    protocol,
    host: url.hostname,
    port: url.port === '' ? (isEighty ? 80 : port) : Number(url.port),
    user: url.username === '' ? undefined : decoded(name, url.username),
    password: url.password === '' ? undefined : decoded(name, url.password),
    path: decoded(name, url.pathname.slice(1)),
  }
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new TypeError(`${name} has a % that is no escape: write it as %25`)
  }
}

/** For errors: without user and password. */
export function plainUrl({ protocol, host, port }: EngineUrl): string {
  return `${protocol}://${host}:${port}`
}
