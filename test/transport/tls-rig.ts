import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { generate } from 'selfsigned'
import type { Test } from 'tap'
import { connect, type Session } from '../../src/transport/client/session.js'
import type { SessionOptions } from '../../src/transport/client/session-options.js'
import type { ServeOptions, Server } from '../../src/transport/server/serve-options.js'
import { serve } from '../../src/transport/server/server.js'
import { acceptorOf, routerWith } from './calls.js'

export interface Pair {
  readonly key: string
  readonly cert: string
}

let authorities = 0

/**
 * A certificate of `name` and behind it that of its own authority, which may be trusted (`ca`) as they are: Deno takes no
 * certificate that is its own authority.
 */
export async function certificate(name: string, keyType: 'rsa' | 'ec' = 'ec'): Promise<Pair> {
  const authority = await generate(
    [{ name: 'commonName', value: `authority ${++authorities} of ${name}` }],
    {
      keyType,
      algorithm: 'sha256',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', keyCertSign: true, critical: true },
      ],
    },
  )
  const pems = await generate([{ name: 'commonName', value: name }], {
    keyType,
    algorithm: 'sha256',
    ca: { key: authority.private, cert: authority.cert },
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  })
  return { key: pems.private, cert: `${pems.cert}\n${authority.cert}` }
}

export const ours: Pair = await certificate('localhost', 'rsa')

export async function start(
  t: Test,
  options: Partial<ServeOptions> = {},
): Promise<{ server: Server; port: number; errors: Error[] }> {
  const errors: Error[] = []
  const server = await serve({
    address: '127.0.0.1:0',
    handler: acceptorOf(routerWith()),
    tls: ours,
    onError: error => errors.push(error),
    ...options,
  })
  t.teardown(() => server.stop({ graceMs: 0 }))
  return { server, port: Number(server.address.split(':').at(-1)), errors }
}

export function session(t: Test, port: number, options: SessionOptions = {}): Session {
  const made = connect(`localhost:${port}`, options)
  t.teardown(() => made.close())
  return made
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !condition(); i++)
    await new Promise(resolve => setTimeout(resolve, 1))
  if (!condition()) throw new Error('the condition did not come true in time')
}

/** A TLS client without HTTP/2 above, until its socket is closed. */
export function rawTls(
  port: number,
  options: ConnectionOptions,
  onSecure: (socket: TLSSocket) => void = () => {},
): Promise<void> {
  return new Promise(resolve => {
    const socket = tlsConnect(
      { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options },
      () => onSecure(socket),
    )
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    // A client of Node 26 that waits for a renegotiation never ends by itself.
    socket.on('end', () => socket.destroy())
    socket.resume()
  })
}

/** One sentence: the address, no line break, no source file of OpenSSL. */
export function isSentence(t: Test, text: string | undefined, expected: RegExp): void {
  t.match(text, expected)
  t.notMatch(text, /\n|openssl|\.c:/)
}
