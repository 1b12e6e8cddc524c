import { describe } from '../options/index.js'

/** Refuses what is no server of `createServer`, such as the promise of something. @throws TypeError naming the function */
export function checkServer(what: string, server: unknown): void {
  const { handle, onStop } = Object(server) as { handle?: unknown; onStop?: unknown }
  if (typeof handle === 'function' && typeof onStop === 'function') return
  throw new TypeError(`${what} needs a server of createServer, got ${describe(server)}`)
}
