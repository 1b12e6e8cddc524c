import { FRAME_SIZE_MIN } from './frame-header.js'

/** Smaller frames come out of Node's pool. Unit: octets. */
const SIZE_MIN = 4_096

/** What no frame is joined in, for the next of usual size. */
let spare: Buffer | undefined

/**
 * A buffer to join a frame of `size` octets in, whose memory goes back by `giveBackJoined`; undefined where it is
 * not of usual size. Reads end within a frame, so that otherwise each makes a buffer: a quarter more garbage outside
 * the heap than there are octets.
 */
export function leaseJoined(size: number): Buffer | undefined {
  if (size < SIZE_MIN || size > FRAME_SIZE_MIN) return undefined
  const whole = spare ?? Buffer.allocUnsafeSlow(FRAME_SIZE_MIN)
  spare = undefined
  return whole
}

/** Nobody reads `whole` any more. */
export function giveBackJoined(whole: Buffer): void {
  spare = whole
}
