import { type ChannelCredentials, Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { readCertificate } from './certificate.js'
import { MESSAGE } from './payload.js'

/** Longest wait for the check of one server. */
const CHECK_TIME_MAX_MS = 10_000

/** The certificate is its own authority, and says `localhost`. */
function security(tls: boolean): ChannelCredentials {
  if (!tls) return credentials.createInsecure()
  const verification = { checkServerIdentity: () => undefined, rejectUnauthorized: false }
  return credentials.createSsl(Buffer.from(readCertificate().cert), null, null, verification)
}

const same = (bytes: Buffer): Buffer => bytes

/**
 * Calls a server once with grpc-js before it is timed. Throws unless the answer is OK and the whole
 * echo: nobody wins by answering something else.
 */
export async function verifyEcho(
  peer: string,
  port: number,
  { path, tls }: { readonly path: string; readonly tls?: boolean },
): Promise<void> {
  const client = new Client(`127.0.0.1:${port}`, security(tls === true))
  try {
    const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
      const options = { deadline: Date.now() + CHECK_TIME_MAX_MS }
      const done = (error: ServiceError | null, value?: Buffer): void =>
        error === null ? resolve(value) : reject(error)
      client.makeUnaryRequest(path, same, same, MESSAGE, options, done)
    })
    if (answer === undefined || !MESSAGE.equals(answer)) throw new Error('the echo differs')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${peer} does not answer ${path} as it should: ${reason}`)
  } finally {
    client.close()
  }
}
