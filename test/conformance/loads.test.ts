import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import t from 'tap'
import {
  CELL_OCTETS_MAX,
  cellName,
  isHeld,
  type PlanOptions,
  planCells,
} from '../../scripts/conformance/loads/plan.js'
import { ProcessPool } from '../../scripts/conformance/loads/processes.js'
import { runCell } from '../../scripts/conformance/loads/run-cell.js'
import { resultTable } from '../../scripts/conformance/loads/table.js'

t.test('load matrix: a seed gives the same cells again, another one gives others', t => {
  const names = (seed: number) => planCells(seed, 80).map(cellName)
  t.same(names(3), names(3))
  t.notSame(names(3), names(4))
  t.equal(new Set(names(3)).size, 80, 'no two alike')
  t.end()
})

t.test('load matrix: every value of every side is drawn, and nothing that makes no sense', t => {
  const cells = planCells(1, 600)
  const values = (pick: (cell: (typeof cells)[number]) => unknown) => new Set(cells.map(pick)).size
  t.equal(
    values(cell => cell.size),
    10,
  )
  t.equal(
    values(cell => cell.atOnce),
    5,
  )
  t.equal(
    values(cell => cell.kind),
    4,
  )
  t.equal(
    values(cell => cell.door),
    2,
  )
  t.equal(
    values(cell => cell.security),
    3,
  )
  t.equal(
    values(cell => cell.ending),
    7,
  )
  t.equal(
    values(cell => cell.client),
    4,
  )
  t.equal(
    values(cell => cell.server),
    4,
  )
  for (const cell of cells) {
    const name = cellName(cell)
    t.ok(cell.size * cell.atOnce * cell.count <= CELL_OCTETS_MAX, name)
    t.ok([cell.client, cell.server].includes('ours'), name)
    if (cell.ending === 'break') t.ok(['server', 'bidi'].includes(cell.kind), name)
    if (cell.ending === 'throw') t.ok(['client', 'bidi'].includes(cell.kind), name)
    if (cell.door === 'mucp') t.same([cell.client, cell.server], ['ours', 'ours'], name)
  }
  t.end()
})

t.test('load matrix: options narrow a plan, and a plan that has too few cells ends', t => {
  const options: PlanOptions = { peers: ['ours'], sizeMax: 0, atOnceMax: 1 }
  const cells = planCells(1, 1_500, options)
  t.ok(cells.length > 100 && cells.length < 1_500)
  for (const { client, server, size, atOnce } of cells) {
    t.match({ client, server, atOnce }, { client: 'ours', server: 'ours', atOnce: 1 })
    t.equal(size, 0)
  }
  t.end()
})

t.test('load matrix: the table has what failed first', t => {
  const base = { seconds: 1, otherP99Ms: 2, heldMs: 3 }
  const text = resultTable([
    { ...base, name: 'fine', problems: [], peerSeconds: 1.5 },
    { ...base, name: 'broken', problems: ['3 of 4 settled'] },
  ])
  t.ok(text.indexOf('FAIL broken') < text.indexOf('ok   fine'))
  t.match(text, /3 of 4 settled/)
  t.match(text, /1\.50/)
  t.end()
})

/** A part of the matrix that takes seconds: times are not judged, for other tests run beside it. */
const SHORT: PlanOptions = {
  peers: ['ours', 'grpc-js'],
  sizeMax: 24 * 1_048_576,
  atOnceMax: 1_000,
  octetsMax: 24 * 1_048_576,
}

t.test('load matrix, short: every call settles as it should, nothing is cut or left', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-loads-'))
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  })
  const certFile = join(folder, 'cert.pem')
  const keyFile = join(folder, 'key.pem')
  writeFileSync(certFile, pems.cert)
  writeFileSync(keyFile, pems.private)
  const pool = new ProcessPool({}, { cert: pems.cert, key: pems.private, certFile, keyFile })
  t.teardown(async () => {
    await pool.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const cells = planCells(16, 12, SHORT)
  t.ok(cells.some(cell => isHeld(cell.ending)))
  for (const cell of cells) {
    const { problems } = await runCell(pool, cell, { timing: false })
    t.same(problems, [], cellName(cell))
  }
})
