import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KINDS } from '../../scripts/attack/accounts.js'
import { Attacker } from '../../scripts/attack/attack-socket.js'
import { openMicrowire } from '../../scripts/attack/ours.js'
import { attackNamed } from '../../scripts/attack/surfaces.js'
import { MemoryBudget } from '../../src/connection/index.js'

// A small part of each kind of thing that a peer can make a server keep. Against the heap, in processes of
// their own: `npm run attack -- ci`; in full: `npm run attack -- all --memory`.

const accounted = (): number => MemoryBudget.ofProcess.exact
/** Of a row that keeps some MiB. */
const PART = 0.05
/** As small as worth a look. Unit: octets. */
const LEAST = 20_000

async function until(isSo: () => boolean): Promise<boolean> {
  for (let looks = 0; looks < 500 && !isSo(); looks++) await sleep(2)
  return isSo()
}

for (const door of ['plain', 'raw'] as const) {
  t.test(`the account of memory has each kind, and lets go of all of it: ${door}`, async t => {
    const { started, stop } = await openMicrowire(door)
    for (const { door: of, name, scale } of KINDS) {
      if (of !== door) continue
      const before = accounted()
      const attacker = new Attacker(started.attackPort ?? started.port, scale * PART)
      await attackNamed(name).play!(attacker)
      t.ok(await until(() => accounted() > before + LEAST), `${name} is in the account`)
      for (const socket of attacker.sockets) socket.leave()
      t.ok(await until(() => accounted() <= before), `${name}: ${accounted() - before} are left`)
    }
    await stop()
  })
}
