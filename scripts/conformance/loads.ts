import { makeCertificate } from './certificates.js'
import { pythonTool } from './foreign-tools.js'
import { cellName, type Peer, planCells } from './loads/plan.js'
import { ProcessPool, type Programs } from './loads/processes.js'
import { type CellResult, isQuiet, runCell } from './loads/run-cell.js'
import { resultLine, resultTable } from './loads/table.js'
import { type Suite, type SuiteRun, Unavailable } from './suite.js'
import { goBuild } from './toolchain.js'

/** How many cells a run draws, and from what, unless the environment says otherwise. */
const CELLS = 120
const SEED = 1

/**
 * `MICROWIRE_SEED` and `MICROWIRE_CELLS` choose the plan, `MICROWIRE_CELL` a part of a cell's
 * name that the others lack, for one that failed.
 */
export const loads: Suite = {
  name: 'loads',
  about:
    'sizes to 64 MiB, up to 5,000 calls at once, both doors, every ending: ours, grpc-js, grpc-go, grpcio',
  async run(run) {
    const peers: Peer[] = ['ours', 'grpc-js']
    const programs: { -readonly [K in keyof Programs]: Programs[K] } = {}
    await whereHad(run, 'grpc-go', async () => {
      programs.go = (await goBuild('loads', 'interop/go/cmd/loads')).path
      peers.push('grpc-go')
    })
    await whereHad(run, 'grpcio', async () => {
      const protos = ['interop/testing.proto']
      programs.python = await pythonTool('interop/python/requirements.txt', protos)
      peers.push('grpcio')
    })
    const pool = new ProcessPool(programs, await makeCertificate(run))
    run.onEnd(() => pool.close())
    const results = await runPlan(pool, peers)
    console.log(resultTable(results))
    if (!isQuiet()) console.log('     the machine is busy: times were not judged')
    const tally = run.row('', `seed ${seed()}`)
    for (const { name, problems } of results) {
      if (problems.length === 0) tally.pass()
      else tally.fail(name, problems.join('; '))
    }
  },
}

async function runPlan(pool: ProcessPool, peers: readonly Peer[]): Promise<readonly CellResult[]> {
  const length = Number(process.env['MICROWIRE_CELLS'] ?? CELLS)
  const part = process.env['MICROWIRE_CELL'] ?? ''
  const cells = planCells(seed(), length, { peers }).filter(cell => cellName(cell).includes(part))
  const results: CellResult[] = []
  for (const [index, cell] of cells.entries()) {
    const result = await runCell(pool, cell)
    results.push(result)
    console.log(`${`${index + 1}/${cells.length}`.padStart(8)} ${resultLine(result)}`)
    for (const problem of result.problems) console.log(`              ${problem}`)
  }
  return results
}

function seed(): number {
  return Number(process.env['MICROWIRE_SEED'] ?? SEED)
}

async function whereHad(run: SuiteRun, peer: string, get: () => Promise<void>): Promise<void> {
  try {
    await get()
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    run.row(peer, '').skip(error.message)
  }
}
