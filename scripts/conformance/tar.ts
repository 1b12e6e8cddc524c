import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

/** A regular file of an archive. */
export interface Entry {
  readonly path: string
  readonly bytes: Buffer
}

const BLOCK_SIZE = 512

/** Regular files of a .tar.gz, in its order. Reads ustar names; links and long names are passed over. */
export function* readArchive(path: string): Generator<Entry> {
  const archive = gunzipSync(readFileSync(path))
  for (let at = 0; at + BLOCK_SIZE <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(archive, at + 124, 12), 8)
    const start = at + BLOCK_SIZE
    const type = archive[at + 156]
    if (type === 0 || type === 0x30) {
      const prefix = text(archive, at + 345, 155)
      const name = text(archive, at, 100)
      yield {
        path: prefix === '' ? name : `${prefix}/${name}`,
        bytes: archive.subarray(start, start + size),
      }
    }
    at = start + Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE
  }
}

function text(bytes: Buffer, start: number, size: number): string {
  const end = bytes.indexOf(0, start)
  return bytes.toString('latin1', start, end < 0 || end > start + size ? start + size : end)
}
