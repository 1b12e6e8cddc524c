import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Unavailable } from './suite.js'
import { CACHE, lastLine } from './toolchain.js'

const run = promisify(execFile)

/** How a program is started with libraries of another release than the machine's. */
export interface Loader {
  readonly command: string
  /** What comes ahead of the program. */
  readonly args: readonly string[]
}

/** The release whose libc what npm ships needs: 2.38 or later. */
const RELEASE = 'trixie'
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']
const SOURCE = `Types: deb
URIs: http://deb.debian.org/debian
Suites: ${RELEASE}
Components: main
Architectures: amd64
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`

/** The libraries of Debian's next release beside those of this machine, which are left as they are. */
export async function debianLoader(): Promise<Loader> {
  const root = join(CACHE, `debian-${RELEASE}`)
  if (!existsSync(root)) await unpack(root)
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu')
  const command = join(libraries, 'ld-linux-x86-64.so.2')
  return { command, args: ['--library-path', libraries] }
}

async function unpack(root: string): Promise<void> {
  const work = `${root}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(join(work, 'lists/partial'), { recursive: true })
  writeFileSync(join(work, `${RELEASE}.sources`), SOURCE)
  const options = [
    `Dir::Etc::sourcelist=${join(work, `${RELEASE}.sources`)}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::lists=${join(work, 'lists')}`,
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
  ].flatMap(option => ['-o', option])
  try {
    await run('apt-get', [...options, 'update'], { cwd: work })
    await run('apt-get', [...options, 'download', ...PACKAGES], { cwd: work })
    for (const file of readdirSync(work).filter(name => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', file, join(work, 'root')], { cwd: work })
    }
  } catch (error) {
    throw new Unavailable(`Debian's libc6 of ${RELEASE} could not be had: ${lastLine(error)}.`)
  }
  renameSync(join(work, 'root'), root)
  rmSync(work, { recursive: true, force: true })
}
