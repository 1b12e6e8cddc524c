import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Unavailable } from './suite.js'
import { type Entry, readArchive } from './tar.js'

/** The files of `archive` in the folder that MICROWIRE_CORPORA names. */
export function readCorpus(archive: string): Entry[] {
  const folder = process.env['MICROWIRE_CORPORA']
  if (folder === undefined || folder === '') {
    throw new Unavailable(`MICROWIRE_CORPORA does not name the folder that holds ${archive}.`)
  }
  const path = join(folder, archive)
  if (!existsSync(path)) throw new Unavailable(`MICROWIRE_CORPORA holds no ${archive}.`)
  return [...readArchive(path)]
}

/** Numbers that look random and are the same in every run: the cuts of the byte streams. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1
  return below => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}
