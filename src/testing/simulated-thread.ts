import type { Compression, CompressionDone } from '../grpc/index.js'
import type { Random } from './random.js'
import type { SimulatedClock } from './simulated-clock.js'

/** The longest that a job takes. Unit: ms. */
const JOB_MS_MAX = 20

/** `compression` with threads that take a moment of virtual time. What it has no thread for stays as it is. */
export function onSimulatedThread(
  compression: Compression,
  clock: SimulatedClock,
  random: Random,
): Compression {
  const soon = (run: () => Uint8Array, done: CompressionDone): void => {
    clock.schedule(random.integer(0, JOB_MS_MAX), () => {
      let result: Uint8Array
      try {
        result = run()
      } catch (error) {
        done(error as Error)
        return
      }
      done(null, Buffer.from(result))
    })
  }
  const compress = (bytes: Uint8Array) => compression.compress(bytes)
  const decompress = (bytes: Uint8Array, sizeMax: number) => compression.decompress(bytes, sizeMax)
  const simulated: { -readonly [name in keyof Compression]: Compression[name] } = {
    name: compression.name,
    compress,
    decompress,
  }
  if (compression.compressAsync !== undefined) {
    simulated.compressAsync = (bytes, done) => soon(() => compress(bytes), done)
  }
  if (compression.decompressAsync !== undefined) {
    simulated.decompressAsync = (bytes, sizeMax, done) =>
      soon(() => decompress(bytes, sizeMax), done)
  }
  return simulated
}
