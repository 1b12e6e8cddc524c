import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Of the package that this file is in: compiled for tests, it lies deeper. */
export function version(folder: string = import.meta.dirname): string {
  const path = join(folder, 'package.json')
  if (!existsSync(path) && folder !== dirname(folder)) return version(dirname(folder))
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
