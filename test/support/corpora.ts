import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Names the folder that holds the corpora as `<name>.tar.gz`. They are not part of the repository. */
const FOLDER_VARIABLE = 'MICROWIRE_CORPORA'

/** Octets of a tar block: one for each header, and the unit that bodies are rounded up to. */
const BLOCK_SIZE = 512

/** The files of the corpus `name` by their path in the archive; undefined when it is not at hand. */
export function corpora(name: string): Map<string, Buffer> | undefined {
  const folder = process.env[FOLDER_VARIABLE]
  if (folder === undefined) return undefined
  const archive = join(folder, `${name}.tar.gz`)
  return existsSync(archive) ? readTar(gunzipSync(readFileSync(archive))) : undefined
}

/** The sentence a test is skipped with when `corpora(name)` is undefined. */
export function corporaMissing(name: string): string {
  return `set ${FOLDER_VARIABLE} to a folder with ${name}.tar.gz to run this test`
}

/**
 * The regular files of a tar archive by path. A header has the name at 0 (100
 * octets), the size at 124 (octal) and the kind at 156; longer names, which
 * tar puts elsewhere, do not occur.
 */
function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  for (let at = 0; at + BLOCK_SIZE <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(readText(archive, at + 124, 12), 8)
    const body = at + BLOCK_SIZE
    if (readText(archive, at + 156, 1) === '0') {
      files.set(readText(archive, at, 100), archive.subarray(body, body + size))
    }
    at = body + Math.ceil(size / BLOCK_SIZE) * BLOCK_SIZE
  }
  return files
}

/** Text up to the first NUL, or `size` octets of it. */
function readText(source: Buffer, start: number, size: number): string {
  return source.toString('utf8', start, start + size).split('\0', 1)[0] ?? ''
}
