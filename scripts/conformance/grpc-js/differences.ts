/** Cases of grpc-js's tests that are not run, and why. */
export interface Difference {
  readonly file: string
  /** Of the whole name, suites included. */
  readonly test: RegExp
  /** What they are about, for the table. */
  readonly about: string
  readonly why: string
}

/** A place of their source that is read otherwise: the behaviour is the same, said in words of ours. */
export interface Adaptation {
  readonly file: string
  readonly from: string
  readonly to: string
}

const ERRORS = 'test-server-errors'
const SERVER = 'test-server'
const CREDENTIALS = 'credentials do not change by themselves: call `server.updateTls`'

export const DIFFERENCES: readonly Difference[] = [
  {
    file: SERVER,
    test: /^Server (bindAsync throws|bindAsync .* bound port|unbind|start throws|throws when unimpl)/,
    about: 'several addresses, `unbind`, `start`, `bind`, wrong arguments of them',
    why: 'a server has one address, and `createServer` checks its options itself',
  },
  {
    file: SERVER,
    test: /^Server (removeService|unregister)/,
    about: '`removeService`, `unregister`',
    why: 'services are not taken away from a server: stop it',
  },
  {
    file: SERVER,
    test: /^Server drain/,
    about: 'the status of calls that a grace period ends',
    why: 'it is UNAVAILABLE, so that clients try another server; CANCELLED in grpc-js',
  },
  {
    file: SERVER,
    test: /ServerCredentials watcher/,
    about: 'credentials that are switched off',
    why: CREDENTIALS,
  },
  {
    file: SERVER,
    test: /^Connection injector/,
    about: '`createConnectionInjector`',
    why: 'a `Transport` brings the sockets',
  },
  {
    file: ERRORS,
    test: /for a non-standard error code$/,
    about: 'a code that is no status of gRPC (57)',
    why: 'it is UNKNOWN',
  },
  {
    file: 'test-retry',
    test: /Should not retry on custom error code$/,
    about: 'a code that is no status of gRPC (300)',
    why: 'it is UNKNOWN',
  },
  {
    file: 'test-end-to-end',
    test: /file watcher credentials$/,
    about: '`FileWatcherCertificateProvider`',
    why: CREDENTIALS,
  },
  {
    file: 'test-metadata',
    test: /toHttp2Headers creates an OutgoingHttpHeaders object with expected values$/,
    about: '`toHttp2Headers`: a list for a single value',
    why: 'it is a text, as in the releases of grpc-js from 1.14 on',
  },
]

/** For docs/migrating-from-grpc-js.md. */
export function differencesTable(): string {
  const rows = DIFFERENCES.map(({ file, about, why }) => `| \`${file}\` | ${about} | ${why} |`)
  return ['| file | not run | why |', '| --- | --- | --- |', ...rows, ''].join('\n')
}

export const ADAPTATIONS: readonly Adaptation[] = [
  {
    file: SERVER,
    from: '/Cannot add an empty service to a server/',
    to: '/not a service definition: an object without properties/',
  },
  {
    file: SERVER,
    from: '/Method handler for .+ already provided/',
    to: '/service math.Math is handled already/',
  },
  {
    file: SERVER,
    from: '/does not implement the method.*',
    to: '/unknown service math.Math|does not implement the method.*',
  },
  // Without a method it is a GET, which is answered by 405.
  { file: SERVER, from: "{ ':path': '/'", to: "{ ':method': 'POST', ':path': '/'" },
  { file: ERRORS, from: '/TestService/TestMethod/', to: '/TestService/TestMethod' },
  {
    file: ERRORS,
    from: '/Received message that decompresses to a size larger/',
    to: '/received message after decompression larger than max .*messageSizeMax/',
  },
  { file: 'test-server-deadlines', from: "'Deadline exceeded'", to: "'deadline exceeded'" },
  {
    file: 'test-server-deadlines',
    from: '/^Invalid grpc-timeout value/',
    to: '/^malformed grpc-timeout: "Infinity"/',
  },
  {
    file: 'test-metadata',
    from: '/Error: Metadata key "key\\$" contains illegal characters/',
    to: '/TypeError: metadata name "key\\$" has a character outside/',
  },
  {
    file: 'test-metadata',
    from: 'this.internalRepr',
    to: 'new Map(Object.entries(this.toJSON()))',
  },
]

export function differenceOf(file: string, name: string): Difference | undefined {
  return DIFFERENCES.find(each => each.file === file && each.test.test(name))
}

/** @throws Error for a place that is not there, so that none is forgotten when their tests change */
export function adapt(file: string, source: string): string {
  let text = source
  for (const { from, to } of ADAPTATIONS.filter(each => each.file === file)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replaceAll(from, () => to)
  }
  return text
}
