import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const INSTALL_TIME_MAX_MS = 240_000

/**
 * Installs what the lock of a folder names, unless that is done already. Tools that only one test
 * needs live in a folder of their own, so that installing the repository stays quick.
 *
 * @param folder from the root of the repository, with a package.json and a package-lock.json; one
 *   test file at a time may ask for it
 * @returns false, or in one sentence why the test has to be skipped
 */
export async function missingTools(folder: string): Promise<string | false> {
  const stamp = join(folder, 'node_modules', '.installed-from')
  const lock = readFileSync(join(folder, 'package-lock.json'))
  const wanted = createHash('sha256').update(lock).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return false
  try {
    // No scripts: none of the tools needs one, and what is installed here runs nothing by itself.
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
    // Without a network the answer comes within seconds.
    args.push('--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=3000')
    const options = {
      cwd: folder,
      timeout: INSTALL_TIME_MAX_MS,
      shell: process.platform === 'win32',
    }
    await promisify(execFile)('npm', args, options)
  } catch {
    return `the tools could not be installed: npm ci --prefix ${folder}`
  }
  writeFileSync(stamp, wanted)
  return false
}
