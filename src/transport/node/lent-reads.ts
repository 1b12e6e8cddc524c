import { Socket } from 'node:net'
import type { RawSocket } from '../runtime/runtime.js'

/** What Node reads at most in one go into a buffer of its own, too. Unit: octets. */
const SIZE = 65_536

type OnOctets = (bytes: Buffer, size: number) => void

/** The fields of Node's sockets behind the option `onread` of `new Socket`. */
interface Fields {
  [name: symbol]: unknown
}

/** Where a socket of Node keeps what `onread` says. */
interface Slots {
  readonly buffer: symbol
  readonly callback: symbol
}

interface Handle {
  useUserBuffer?(buffer: Buffer): unknown
}

/** Whatever is read in this thread is read into it: nobody keeps it longer than a callback. */
let shared: Buffer | undefined
/** Null: this runtime has none that we know. */
let slots: Slots | null | undefined

/**
 * `Runtime.lend` of Node: `socket` is read as the option `onread` of `new Socket` would have it, which sockets
 * that a server accepts cannot be given. It is the same for both ends.
 *
 * Otherwise each read costs a new buffer of up to 64 KiB. V8 counts it against its heap: of a server that receives
 * messages of 1 MiB, two thirds of the time went to collections that were caused by buffers nobody had any more.
 *
 * What the option sets is looked for on a socket that was given it. Where it is not found, as in Bun and Deno, or
 * where something was read before, the answer is false and 'data' is emitted as ever.
 */
export function lendReads(socket: RawSocket, onOctets: OnOctets): boolean {
  if (!(socket instanceof Socket) || socket.readableLength > 0) return false
  const handle = (socket as { _handle?: Handle | null })._handle
  if (typeof handle?.useUserBuffer !== 'function') return false
  if (slots === undefined) slots = findSlots()
  if (slots === null) return false
  shared ??= Buffer.allocUnsafeSlow(SIZE)
  const bytes = shared
  const fields = socket as unknown as Fields
  fields[slots.buffer] = bytes
  fields[slots.callback] = (size: number) => onOctets(bytes, size)
  handle.useUserBuffer(bytes)
  // What a listener of 'data' would have done: without it nobody is told of the end.
  socket.resume()
  return true
}

function findSlots(): Slots | null {
  if ('bun' in process.versions || 'deno' in process.versions) return null
  const buffer = new Uint8Array(1)
  const callback = (): boolean => true
  // @types/node has the option at `connect` only.
  const options = { onread: { buffer, callback } } as object
  const probe = new Socket(options) as unknown as Fields
  const names = Object.getOwnPropertySymbols(probe)
  const found = {
    buffer: names.find(name => probe[name] === buffer),
    callback: names.find(name => probe[name] === callback),
  }
  return found.buffer === undefined || found.callback === undefined ? null : (found as Slots)
}
