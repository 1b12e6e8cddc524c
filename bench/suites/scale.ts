import { makeCertificate } from '../certificate.js'
import { Child } from '../child-process.js'
import { GeneratorLoad } from '../generator-load.js'
import { compiled } from '../paths.js'
import type { Bench } from '../suite.js'
import { Core, pinned } from '../tools.js'
import { farContests } from './far.js'
import { connectionsContest, setUpContest, streamsContests } from './many.js'
import { mucpContest } from './mucp.js'
import { secureContests } from './secure.js'

/** Many streams, many connections, TLS, a long path, and go-micro's own protocol. */
export async function scale(bench: Bench): Promise<void> {
  await makeCertificate()
  const [command, ...args] = pinned(Core.loader, process.execPath, compiled('clients/holder'))
  const holder = await Child.start('holder', command, args)
  const generator = await GeneratorLoad.start(false)
  try {
    for (const contest of streamsContests(bench, generator)) await bench.run(contest)
    await bench.run(connectionsContest(bench, holder))
    await bench.run(setUpContest(bench, holder, false))
    await bench.run(setUpContest(bench, holder, true))
  } finally {
    await generator.close()
    await holder.close()
  }
  for (const contest of farContests(bench)) await bench.run(contest)
  await secureContests(bench)
  await bench.run(mucpContest(bench))
}
