import { deepEqual } from 'node:assert/strict'
import { readCorpus, seeded } from './corpora.js'
import { type Answer, answerTo, type Cuts } from './raw-connection.js'
import type { Suite } from './suite.js'

export const corpus: Suite = {
  name: 'corpus',
  about: 'recorded byte streams, into both roles: cutting them changes neither events nor output',
  async run(run) {
    const entries = readCorpus('nghttp2-corpus.tar.gz')
    const tally = run.row('', 'nghttp2-corpus 692c8d8')
    for (const { path, bytes } of entries) {
      if (!path.includes('/corpus/')) continue
      await tally.run(path, () => {
        sameHoweverCut('server', bytes)
        sameHoweverCut('client', bytes)
      })
    }
  },
}

/** Anything thrown, typed or not, fails the case: errors of a peer must stay inside. */
function sameHoweverCut(role: 'client' | 'server', bytes: Buffer): void {
  const whole = answerTo(role, bytes)
  same(whole, answerTo(role, bytes, everyOctet()), `${role}, byte by byte`)
  for (let seed = 1; seed <= 4; seed++) {
    same(whole, answerTo(role, bytes, randomCuts(seed)), `${role}, cut with seed ${seed}`)
  }
}

function same(whole: Answer, cut: Answer, how: string): void {
  deepEqual(cut.events, whole.events, `events, ${how}`)
  deepEqual(cut.output.toString('hex'), whole.output.toString('hex'), `output, ${how}`)
}

function* everyOctet(): Cuts & Generator<number> {
  for (;;) yield 1
}

function* randomCuts(seed: number): Cuts & Generator<number> {
  const random = seeded(seed)
  for (;;) yield 1 + random(64)
}
