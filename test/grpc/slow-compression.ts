import {
  type Compression,
  type CompressionDone,
  type Compressions,
  compressionsOf,
  GZIP,
} from '../../src/grpc/index.js'

/** gzip whose threads take as long as a test likes. */
export class SlowGzip implements Compression {
  readonly name = 'gzip'
  /** Sizes of what the threads were given, in order. */
  readonly inputs: number[] = []
  readonly #running: (() => void)[] = []

  /** Jobs that threads work on. */
  get running(): number {
    return this.#running.length
  }

  get compressions(): Compressions {
    return compressionsOf(this)
  }

  compress(bytes: Uint8Array): Uint8Array {
    return GZIP.compress(bytes)
  }

  decompress(bytes: Uint8Array, sizeMax: number): Buffer {
    return GZIP.decompress(bytes, sizeMax)
  }

  compressAsync(bytes: Uint8Array, done: CompressionDone): void {
    this.#add(bytes, () => Buffer.from(GZIP.compress(bytes)), done)
  }

  decompressAsync(bytes: Uint8Array, sizeMax: number, done: CompressionDone): void {
    this.#add(bytes, () => GZIP.decompress(bytes, sizeMax), done)
  }

  /** The oldest job ends, or the one at `index`. */
  finish(index = 0): void {
    this.#running.splice(index, 1)[0]!()
  }

  #add(bytes: Uint8Array, run: () => Buffer, done: CompressionDone): void {
    this.inputs.push(bytes.length)
    this.#running.push(() => {
      let result: Buffer
      try {
        result = run()
      } catch (error) {
        done(error as Error)
        return
      }
      done(null, result)
    })
  }
}

/** Lines that hardly compress: one letter in four stands for chance. */
export function longText(size: number, seed = 1): string {
  let text = ''
  let state = seed
  while (text.length < size) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff
    text += `${state.toString(36)} the same again `
  }
  return text.slice(0, size)
}
