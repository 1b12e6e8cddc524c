import t from 'tap'
import { CLIENT_PREFACE } from '../../src/frame/index.js'
import { corpora, corporaMissing } from '../support/corpora.js'
import { readInPieces, readWhole } from './frames.js'

const NAME = 'nghttp2-corpus'

const files = corpora(NAME)
const skip = files === undefined ? corporaMissing(NAME) : false

/** What clients sent in recorded sessions, many of them broken on purpose; without the preface. */
function recordings(): [string, Buffer][] {
  const found: [string, Buffer][] = []
  for (const [path, bytes] of files ?? []) {
    if (!path.includes('/corpus/')) continue
    const prefaced = bytes.subarray(0, CLIENT_PREFACE.length).equals(CLIENT_PREFACE)
    found.push([path, prefaced ? bytes.subarray(CLIENT_PREFACE.length) : bytes])
  }
  return found
}

t.test(`${NAME}: recorded sessions read the same, whole and one octet at a time`, { skip }, t => {
  let frames = 0
  let errors = 0
  for (const [path, bytes] of recordings()) {
    const whole = readWhole(bytes)
    const octets = readInPieces(
      bytes,
      Array.from(bytes, (_, i) => i),
    )
    t.equal(octets.error?.message, whole.error?.message, path)
    t.equal(JSON.stringify(octets.frames), JSON.stringify(whole.frames), path)
    frames += whole.frames.length
    if (whole.error !== undefined) errors++
  }
  t.ok(frames > 500 && errors > 10, `${frames} frames, ${errors} errors`)
  t.end()
})
