import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Names the folder that holds the corpora as `<name>.tar.gz`. They are not part of the repository. */
const FOLDER_VARIABLE = 'MICROWIRE_CORPORA'

const BLOCK_SIZE = 512

/** The files of the corpus `name` by their path in the archive; undefined when it is not at hand. */
export function corpora(name: string): Map<string, Buffer> | undefined {
  const folder = process.env[FOLDER_VARIABLE]
  if (folder === undefined) return undefined
  const archive = join(folder, `${name}.tar.gz`)
  if (!existsSync(archive)) return undefined
  return readTar(gunzipSync(readFileSync(archive)))
}

/** The sentence a test is skipped with when `corpora(name)` is undefined. */
export function corporaMissing(name: string): string {
  return `set ${FOLDER_VARIABLE} to a folder with ${name}.tar.gz to run this test`
}

/**
 * The regular files of a tar archive by path. POSIX ustar, and GNU long names.
 *
 * A header block has the name at 0 (100 octets), the size at 124 (octal), the
 * kind at 156 and, for ustar, a prefix of the name at 345 (155 octets).
 */
export function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let longName: string | undefined
  for (let at = 0; at + BLOCK_SIZE <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(readText(archive, at + 124, 12).trim(), 8)
    const kind = readText(archive, at + 156, 1)
    const body = archive.subarray(at + BLOCK_SIZE, at + BLOCK_SIZE + size)
    if (kind === 'L') {
      longName = readText(body, 0, size)
    } else {
      if (kind === '0' || kind === '') files.set(longName ?? readName(archive, at), body)
      longName = undefined
    }
    at += BLOCK_SIZE + Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE
  }
  return files
}

function readName(archive: Buffer, at: number): string {
  const name = readText(archive, at, 100)
  // GNU tar writes `ustar ` and keeps other things where POSIX has the prefix.
  if (archive.toString('latin1', at + 257, at + 263) !== 'ustar\0') return name
  const prefix = readText(archive, at + 345, 155)
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Text up to the first NUL, or `size` octets of it. */
function readText(source: Buffer, start: number, size: number): string {
  const end = source.indexOf(0, start)
  return source.toString('utf8', start, end === -1 ? start + size : Math.min(end, start + size))
}
