import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const run = promisify(execFile)

/** The package as npm would publish it. */
export interface Packed {
  /** The archive. */
  readonly tarball: string
  /** A folder outside the repository in which `microwire`, and nothing else, is installed. */
  readonly folder: string
  /** What is in it, with sizes in octets. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly unpackedSize: number
}

/** Packs `dist` as it is, without building it again, and unpacks it; both are removed after the test. */
export async function packed(t: Test): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'microwire-packed-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
    { shell: process.platform === 'win32', maxBuffer: 1 << 24 },
  )
  const [{ filename, files, unpackedSize }] = JSON.parse(stdout) as [Packed & { filename: string }]
  const tarball = join(folder, filename)
  const installed = join(folder, 'node_modules', 'microwire')
  mkdirSync(installed, { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  return { tarball, folder, files, unpackedSize }
}
