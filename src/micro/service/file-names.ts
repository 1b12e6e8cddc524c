/** Which file of a schema imports which, and what each is called in descriptors. */
export class FileNames {
  /** Names by path, as importing files wrote them. */
  readonly #imported = new Map<string, string>()
  readonly #imports = new Map<string, Set<string>>()
  readonly #given = new Map<string, string>()

  /** File `origin`, or with '' the caller, asks for `target`, which lies at `path`. Returns `path`. */
  add(origin: string, target: string, path: string): string {
    if (origin === '') return path
    if (!this.#imported.has(path)) this.#imported.set(path, target)
    const imports = this.#imports.get(origin) ?? new Set<string>()
    this.#imports.set(origin, imports.add(path))
    return path
  }

  /** Paths of what the file at `path` imports. */
  importsOf(path: string): Iterable<string> {
    return this.#imports.get(path) ?? []
  }

  /**
   * The name of the file at `path`, which declares things of `pkg`: as it is
   * imported when that says more than its last part, else that part in the
   * folder of its package; with more of its path when another file has the name.
   */
  nameOf(path: string, pkg: string): string {
    const known = this.#given.get(path)
    if (known !== undefined) return known
    const taken = new Set(this.#given.values())
    const parts = path.split('/')
    const imported = this.#imported.get(path)?.replace(/^(\.{0,2}\/)+/, '') ?? ''
    const folder = pkg === '' ? '' : `${pkg.replaceAll('.', '/')}/`
    let name = imported.includes('/') ? imported : `${folder}${parts.at(-1)}`
    for (let count = 2; taken.has(name) && count <= parts.length; count++) {
      name = parts.slice(-count).join('/')
    }
    this.#given.set(path, name)
    return name
  }
}
