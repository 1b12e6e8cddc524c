import { parseArgs } from 'node:util'
import { type Certificate, readCertificate } from '../certificate.js'

/** How the runner wants a server. */
export interface ServerArguments {
  /** Serve TLS 1.3 with this certificate; left out: plain text. */
  readonly tls: Certificate | undefined
  /** Streams that one connection may have open; left out: the server's default. */
  readonly streams: number | undefined
  /** Read schemas at run time, where there is generated code. */
  readonly load: boolean
}

/** Reads `--tls`, `--streams N` and `--load`. */
export function serverArguments(): ServerArguments {
  const { values } = parseArgs({
    options: {
      tls: { type: 'boolean', default: false },
      streams: { type: 'string' },
      load: { type: 'boolean', default: false },
    },
  })
  return {
    tls: values.tls ? readCertificate() : undefined,
    streams: values.streams === undefined ? undefined : Number(values.streams),
    load: values.load,
  }
}

/** Options of `tls.createServer` and of `http2.createSecureServer`, alike for all. */
export function secureOptions({ cert, key }: Certificate): SecureOptions {
  return { cert, key, minVersion: 'TLSv1.3', ALPNProtocols: ['h2'] }
}

/** See `secureOptions`. */
export interface SecureOptions extends Certificate {
  readonly minVersion: 'TLSv1.3'
  readonly ALPNProtocols: string[]
}
