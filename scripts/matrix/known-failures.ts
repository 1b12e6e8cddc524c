/** Tests that a runtime cannot pass, with the reason: the table of docs/runtimes.md is made of it. */
export interface KnownFailure {
  readonly runtime: RegExp
  readonly file: RegExp
  readonly test: RegExp
  readonly reason: string
}

const BUN = /^Bun/
const DENO = /^Deno/

function known(runtime: RegExp, file: string, test: string, reason: string): KnownFailure {
  return {
    runtime,
    file: new RegExp(`/${file}\\.test\\.js$`),
    test: new RegExp(`^FAILED ${test}`),
    reason,
  }
}

export const KNOWN_FAILURES: readonly KnownFailure[] = [
  known(
    BUN,
    'node-runtime',
    'schedule fires once',
    '`process.getActiveResourcesInfo` lists no timers, so the test sees none',
  ),
  known(
    BUN,
    'tls',
    'RFC 9113 §9\\.2: TLS older',
    'its own client cannot offer TLS 1.1, which the test refuses',
  ),
  known(
    BUN,
    'tls',
    'RFC 9113 §9\\.2\\.1:',
    'its own client cannot renegotiate, which the test refuses',
  ),
  known(
    DENO,
    'tls',
    'RFC 9113 §9\\.2: TLS older',
    'its own client cannot offer TLS 1.1, which the test refuses',
  ),
  known(
    DENO,
    'tls',
    'RFC 9113 §9\\.2\\.1:',
    'its own client cannot renegotiate, which the test refuses',
  ),
  known(
    DENO,
    'tls',
    'RFC 9113 §9\\.2\\.2:',
    '`ciphers` is ignored; its TLS has no other suites than those that RFC 9113 allows',
  ),
  known(
    DENO,
    'tls',
    'TLS handshakes under way',
    'a handshake that took too long is reported in its own words',
  ),
  known(
    DENO,
    'tls',
    'RFC 6066 §3: a name with a dot',
    'it asks for a server name (SNI) where Node asks for none',
  ),
  known(
    DENO,
    'tls',
    'a plaintext client on a TLS port',
    'HTTP/1.1 on a TLS port is reported as plain text',
  ),
  known(
    DENO,
    'tls-update',
    'updateTls: session tickets',
    'it resumes no TLS sessions, before an update either',
  ),
  known(
    DENO,
    'tls-options',
    'a mistake in tls is told',
    '`ciphers`, `ecdhCurve`, `sigalgs` and `crl` are not read when they are set',
  ),
  known(
    DENO,
    'server',
    'an address that is not ours',
    'the system error is EINVAL: TRANSPORT_SYSTEM in place of TRANSPORT_NOT_AVAILABLE',
  ),
  known(
    DENO,
    'descriptor-watch',
    'a server without descriptors',
    'accept errors for want of file descriptors are not reported',
  ),
  known(
    DENO,
    'handed-socket',
    'a server shows the descriptors',
    'its sockets have no descriptors: `server.descriptors` is empty, and no socket can be handed over',
  ),
  known(DENO, 'node-runtime', 'connect: TCP_NODELAY', 'the test looks into the socket of Node'),
  known(
    DENO,
    'add-service',
    '(?:bidi: emit error|one implementation)',
    'grpc-js itself loses trailers over its `node:http2`; the test compares with it',
  ),
]

/** The entry of `line`, a failure of `file`, where it is one that is known of `runtime`. */
export function knownFailure(
  runtime: string,
  file: string,
  line: string,
): KnownFailure | undefined {
  return KNOWN_FAILURES.find(
    known => known.runtime.test(runtime) && known.file.test(file) && known.test.test(line),
  )
}
